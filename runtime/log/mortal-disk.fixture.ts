/**
 * The disk as one thread of a process uses it, which may die before any of its operations while others live on.
 *
 * What it has written stays written. It is not told any more of its background syncs, and can do nothing.
 */
import type { Disk, DiskError, DiskFile } from './disk.ts'

/** Thrown by what a dead thread tries to do. */
export class ThreadDeath extends Error {
  override readonly name: string = 'ThreadDeath'
}

export class MortalDisk implements Disk {
  readonly #disk: Disk
  /** So many operations are still done. */
  fuse: number = Number.POSITIVE_INFINITY
  isDead = false

  constructor(disk: Disk) {
    this.#disk = disk
  }

  /** Does an operation, or dies. */
  act<T>(operation: () => T): T {
    if (this.isDead || this.fuse-- <= 0) {
      this.isDead = true
      throw new ThreadDeath('the thread is dead')
    }
    return operation()
  }

  open(path: string, how: 'create' | 'write' | 'read'): DiskFile {
    return new MortalFile(
      this,
      this.act(() => this.#disk.open(path, how)),
    )
  }

  list(folder: string): string[] {
    return this.act(() => this.#disk.list(folder))
  }

  makeFolder(folder: string): void {
    this.act(() => this.#disk.makeFolder(folder))
  }

  rename(from: string, to: string): void {
    this.act(() => this.#disk.rename(from, to))
  }

  remove(path: string): void {
    this.act(() => this.#disk.remove(path))
  }

  syncDirectory(folder: string): void {
    this.act(() => this.#disk.syncDirectory(folder))
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
    return this.#disk.act(() => this.#file.size())
  }

  write(parts: readonly Uint8Array[], position: number): void {
    this.#disk.act(() => this.#file.write(parts, position))
  }

  read(into: Uint8Array, position: number): number {
    return this.#disk.act(() => this.#file.read(into, position))
  }

  sync(): void {
    this.#disk.act(() => this.#file.sync())
  }

  syncLater(done: (error: DiskError | null) => void): void {
    this.#disk.act(() =>
      this.#file.syncLater(error => {
        if (!this.#disk.isDead) done(error)
      }),
    )
  }

  truncate(bytes: number): void {
    this.#disk.act(() => this.#file.truncate(bytes))
  }

  close(): void {
    this.#disk.act(() => this.#file.close())
  }
}
