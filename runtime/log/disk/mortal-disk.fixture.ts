/**
 * The disk as one thread of a process uses it, which may die before any of its operations while others live on, and any
 * of whose operations may fail.
 *
 * What it has written stays written. Once dead it is not told any more of its background syncs, and can do nothing. A
 * write that fails has done half of its work, and other operations none.
 */
import { type Disk, DiskError, type DiskFile } from './disk.ts'

/** Thrown by what a dead thread tries to do. */
export class ThreadDeath extends Error {
  override readonly name: string = 'ThreadDeath'
}

export class MortalDisk implements Disk {
  readonly #disk: Disk
  /** So many operations are still done. */
  fuse: number = Number.POSITIVE_INFINITY
  isDead = false
  /** So many operations until one fails, with this code. */
  failIn: number = Number.POSITIVE_INFINITY
  errno = 'EIO'
  /** What those that failed threw or told. */
  readonly failures: Set<unknown> = new Set()

  constructor(disk: Disk) {
    this.#disk = disk
  }

  /** Does an operation, or dies, or fails. */
  act<T>(name: string, path: string, operation: () => T, half: () => void = () => undefined): T {
    if (this.isDead || this.fuse-- <= 0) {
      this.isDead = true
      throw new ThreadDeath('the thread is dead')
    }
    // What only looks, or closes, is not worth a failure.
    const counts = !['size', 'close', 'list'].includes(name)
    if (!counts || this.failIn-- > 0) return operation()
    this.failIn = Number.POSITIVE_INFINITY
    half()
    throw this.failure(name, path)
  }

  failure(name: string, path: string): DiskError {
    const failure = new DiskError(name, path, this.errno)
    this.failures.add(failure)
    return failure
  }

  open(path: string, how: 'create' | 'write' | 'read'): DiskFile {
    return new MortalFile(
      this,
      this.act('open', path, () => this.#disk.open(path, how)),
    )
  }

  list(folder: string): string[] {
    return this.act('list', folder, () => this.#disk.list(folder))
  }

  makeFolder(folder: string): void {
    this.act('makeFolder', folder, () => this.#disk.makeFolder(folder))
  }

  rename(from: string, to: string): void {
    this.act('rename', from, () => this.#disk.rename(from, to))
  }

  remove(path: string): void {
    this.act('remove', path, () => this.#disk.remove(path))
  }

  removeFolder(folder: string): void {
    this.act('removeFolder', folder, () => this.#disk.removeFolder(folder))
  }

  syncDirectory(folder: string): void {
    this.act('syncDirectory', folder, () => this.#disk.syncDirectory(folder))
  }
}

class MortalFile implements DiskFile {
  readonly path: string
  readonly #disk: MortalDisk
  readonly #file: DiskFile

  constructor(disk: MortalDisk, file: DiskFile) {
    this.#disk = disk
    this.#file = file
    this.path = file.path
  }

  size(): number {
    return this.#disk.act('size', this.path, () => this.#file.size())
  }

  write(parts: readonly Uint8Array[], position: number): void {
    const whole = Buffer.concat(parts)
    const write = (bytes: number): void => this.#file.write([whole.subarray(0, bytes)], position)
    this.#disk.act(
      'write',
      this.path,
      () => write(whole.length),
      () => write(whole.length >> 1),
    )
  }

  read(into: Uint8Array, position: number): number {
    return this.#disk.act('read', this.path, () => this.#file.read(into, position))
  }

  sync(): void {
    this.#disk.act('sync', this.path, () => this.#file.sync())
  }

  syncLater(done: (error: DiskError | null) => void): void {
    let failure: DiskError | null = null
    const begin = (told: (error: DiskError | null) => void): void =>
      this.#file.syncLater(() => {
        if (!this.#disk.isDead) told(failure)
      })
    try {
      this.#disk.act('syncLater', this.path, () => begin(done))
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      // As the system does, it tells of it later.
      failure = error
      begin(done)
    }
  }

  truncate(bytes: number): void {
    this.#disk.act('truncate', this.path, () => this.#file.truncate(bytes))
  }

  close(): void {
    this.#disk.act('close', this.path, () => this.#file.close())
  }
}
