/**
 * A file system in memory, for the tests of the log: as POSIX has it, so a removed file can be read by who has it open.
 *
 * It counts, notes and fails on demand. `losePower` gives what may be left after a loss of power, by chance.
 */
import { posix } from 'node:path'
import { type Disk, DiskError, type DiskFile } from './disk.ts'

/** Pieces of this size reach the disk whole or not at all. */
const SECTOR_BYTES = 512

/** Thrown by the operation at which the power is lost. */
export class PowerLoss extends Error {}

class Content {
  bytes: Buffer = Buffer.alloc(0)
  /** As of the last sync. */
  durable: Buffer = this.bytes

  /** What may be left of it: a size from one to the other, and each piece as it was or as it is. */
  left(chance: () => number): Content {
    const { bytes, durable } = this
    const left = new Content()
    const [least, most] = [Math.min(bytes.length, durable.length), Math.max(bytes.length, durable.length)]
    left.bytes = Buffer.alloc(chance() < 0.3 ? most : least + Math.floor(chance() * (most - least + 1)))
    for (let at = 0; at < left.bytes.length; at += SECTOR_BYTES)
      left.bytes.set(
        (chance() < 0.5 ? bytes : durable).subarray(at, Math.min(at + SECTOR_BYTES, left.bytes.length)),
        at,
      )
    left.durable = left.bytes
    return left
  }
}

export class MemoryDisk implements Disk {
  readonly #contents = new Map<string, Content>()
  /** Names as of the last sync of their folder. */
  #durable = new Map<string, Content>()
  readonly #later: (() => void)[] = []
  #failure: { readonly operation: string; readonly path: RegExp; readonly errno: string } | null = null
  /** `operation name` of everything that changes something, in order. */
  readonly trace: string[] = []
  reads = 0
  bytesRead = 0
  /** Files that are open. */
  opened = 0
  /** So many operations that change something are still done before the power is lost. */
  fuse: number = Number.POSITIVE_INFINITY

  /** The next such operation on such a path fails. */
  failNext(operation: string, path: RegExp = /./, errno = 'EIO'): void {
    this.#failure = { operation, path, errno }
  }

  /** Operations of the background are done now. */
  settle(): void {
    for (const act of this.#later.splice(0)) act()
  }

  /** Another disk with the same files. */
  copy(): MemoryDisk {
    const disk = new MemoryDisk()
    // A change replaces the bytes of a content, and so they can be shared.
    for (const [path, { bytes }] of this.#contents) {
      const content = new Content()
      content.bytes = bytes
      disk.#contents.set(path, content)
    }
    return disk
  }

  /** Another disk with what may be left of the files. */
  losePower(chance: () => number): MemoryDisk {
    const disk = new MemoryDisk()
    for (const path of new Set([...this.#contents.keys(), ...this.#durable.keys()])) {
      const content = (chance() < 0.5 ? this.#contents : this.#durable).get(path)
      if (content !== undefined) disk.#contents.set(path, content.left(chance))
    }
    disk.#durable = new Map(disk.#contents)
    return disk
  }

  /** Paths of all files, sorted. */
  get files(): string[] {
    return [...this.#contents.keys()].sort()
  }

  /** The bytes of a file, a copy. */
  bytesOf(path: string): Buffer {
    return Buffer.from(this.#content('bytesOf', path).bytes)
  }

  put(path: string, bytes: Uint8Array): void {
    const content = this.#contents.get(path) ?? new Content()
    content.bytes = Buffer.from(bytes)
    this.#contents.set(path, content)
  }

  open(path: string, how: 'create' | 'write' | 'read'): DiskFile {
    this.act('open', path)
    if (how !== 'create') return new MemoryFile(this, path, this.#content('open', path))
    if (this.#contents.has(path)) throw new DiskError('open', path, 'EEXIST')
    const content = new Content()
    this.#contents.set(path, content)
    this.note('create', path)
    return new MemoryFile(this, path, content)
  }

  #content(operation: string, path: string): Content {
    const content = this.#contents.get(path)
    if (content === undefined) throw new DiskError(operation, path, 'ENOENT')
    return content
  }

  list(folder: string): string[] {
    this.act('list', folder)
    const paths = [...this.#contents.keys()].filter(path => path.startsWith(`${folder}/`))
    return [...new Set(paths.map(path => path.slice(folder.length + 1).split('/')[0] as string))].sort()
  }

  makeFolder(folder: string): void {
    this.act('makeFolder', folder)
  }

  rename(from: string, to: string): void {
    this.act('rename', from)
    this.#contents.set(to, this.#content('rename', from))
    this.#contents.delete(from)
    this.note('rename', to)
  }

  remove(path: string): void {
    this.act('remove', path)
    if (this.#contents.delete(path)) this.note('remove', path)
  }

  /** A folder is there as long as something is in it. */
  removeFolder(folder: string): void {
    this.act('removeFolder', folder)
    if ([...this.#contents.keys()].some(path => path.startsWith(`${folder}/`)))
      throw new DiskError('removeFolder', folder, 'ENOTEMPTY')
  }

  syncDirectory(folder: string): void {
    this.act('syncDirectory', folder)
    this.#durable = new Map(this.#contents)
    this.note('syncDirectory', folder)
  }

  later(act: () => void): void {
    this.#later.push(act)
  }

  note(operation: string, path: string): void {
    this.trace.push(`${operation} ${posix.basename(path).replace(/^0*(?=\d)/, '')}`)
  }

  /** Fails if this is what `failNext` waits for. */
  act(operation: string, path: string): void {
    if (!['read', 'size', 'list', 'close'].includes(operation) && this.fuse-- <= 0) throw new PowerLoss()
    if (this.#failure?.operation !== operation || !this.#failure.path.test(path)) return
    const { errno } = this.#failure
    this.#failure = null
    throw new DiskError(operation, path, errno)
  }
}

class MemoryFile implements DiskFile {
  readonly path: string
  readonly #disk: MemoryDisk
  readonly #content: Content
  #isOpen = true

  constructor(disk: MemoryDisk, path: string, content: Content) {
    this.path = path
    this.#disk = disk
    this.#content = content
    disk.opened++
  }

  #act(operation: string): void {
    if (!this.#isOpen) throw new DiskError(operation, this.path, 'EBADF')
    this.#disk.act(operation, this.path)
  }

  size(): number {
    this.#act('size')
    return this.#content.bytes.length
  }

  write(parts: readonly Uint8Array[], position: number): void {
    this.#act('write')
    const added = Buffer.concat(parts)
    const bytes = Buffer.alloc(Math.max(this.#content.bytes.length, position + added.length))
    bytes.set(this.#content.bytes)
    bytes.set(added, position)
    this.#content.bytes = bytes
    this.#disk.note('write', this.path)
  }

  read(into: Uint8Array, position: number): number {
    this.#act('read')
    const bytes = this.#content.bytes.subarray(position, position + into.length)
    into.set(bytes)
    this.#disk.reads++
    this.#disk.bytesRead += bytes.length
    return bytes.length
  }

  sync(): void {
    this.#act('sync')
    this.#content.durable = this.#content.bytes
    this.#disk.note('sync', this.path)
  }

  syncLater(done: (error: DiskError | null) => void): void {
    this.#act('syncLater')
    this.#disk.later(() => {
      try {
        this.sync()
      } catch (error) {
        return done(error as DiskError)
      }
      done(null)
    })
  }

  truncate(bytes: number): void {
    this.#act('truncate')
    this.#content.bytes = Buffer.from(this.#content.bytes.subarray(0, bytes))
    this.#disk.note('truncate', this.path)
  }

  close(): void {
    this.#act('close')
    this.#isOpen = false
    this.#disk.opened--
  }
}
