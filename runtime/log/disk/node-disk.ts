/**
 * The real disk: the port of disk.ts over `node:fs`.
 *
 * Any thread, each with files of its own; the system orders accesses of several threads. The bytes may lie in any
 * memory, also shared: the system reads them where they are, and nothing is copied on the way.
 *
 * A write is one system call in the usual case, and then allocates nothing that grows with it. The system may write
 * less than requested (a signal, a disk nearly full, a limit on the size of files). Further calls write the rest, and
 * the last of them reports the error. Bounds: PARTS_MAX parts and CALL_BYTES_MAX bytes go into one call, and a call is
 * tried INTERRUPTIONS_MAX times when signals interrupt it.
 *
 * `sync` is fdatasync: bytes, and of the metadata the size. Systems report lost bytes to each descriptor once. A
 * background sync therefore has a descriptor of its own. Otherwise it could receive the report, and a sync of the
 * foreground would wrongly succeed. On Windows a folder cannot be synced, so `syncDirectory` does nothing there. An
 * open file can there neither be replaced nor have its name back at once after it was removed.
 */

import fs from 'node:fs'
import { dirname } from 'node:path'
import type { FileModes } from '../../wire/folder.ts'
import { checkBytes } from './check-bytes.ts'
import { type Disk, DiskError, type DiskFile } from './disk.ts'
import { ForeignFileError } from './log-errors.ts'

/** IOV_MAX of Linux: a call with more parts is refused. */
const PARTS_MAX = 1_024
/** Node counts the bytes of a call in a 32-bit integer with a sign. */
const CALL_BYTES_MAX = 2 ** 30
/** A signal may end a call before it has done anything. */
const INTERRUPTIONS_MAX = 1_000

/** The calls of `node:fs` that a disk makes; a test may put itself between. */
export type FileCalls = Pick<
  typeof fs,
  | 'closeSync'
  | 'fdatasync'
  | 'fdatasyncSync'
  | 'fstatSync'
  | 'fsyncSync'
  | 'ftruncateSync'
  | 'mkdirSync'
  | 'openSync'
  | 'readdirSync'
  | 'readSync'
  | 'renameSync'
  | 'rmdirSync'
  | 'statSync'
  | 'unlinkSync'
  | 'writeSync'
  | 'writevSync'
>

const { O_CREAT, O_EXCL, O_RDWR, O_RDONLY } = fs.constants
/** A special file that has taken the name since the last look must not block this thread either. */
const NOW: number = fs.constants.O_NONBLOCK ?? 0

/** An error if the file is there; read and write what is there; read only. */
const FLAGS = { create: O_CREAT | O_EXCL | O_RDWR, write: O_RDWR | NOW, read: O_RDONLY | NOW } as const

/** Records may hold secrets: only the owner reads them, unless an option says otherwise. */
export const PRIVATE_MODES: FileModes = { folder: 0o700, file: 0o600 }

export class NodeDisk implements Disk {
  readonly #calls: FileCalls
  readonly #modes: FileModes

  constructor(calls: FileCalls = fs, modes: FileModes = PRIVATE_MODES) {
    this.#calls = calls
    this.#modes = modes
  }

  /** A link to a file is that file. Anything else in its place is refused: opening a pipe would wait for its other end. */
  open(path: string, how: 'create' | 'write' | 'read'): DiskFile {
    try {
      if (how !== 'create') this.#refuseOthers(path)
      return new NodeFile(this.#calls, path, this.#calls.openSync(path, FLAGS[how], this.#modes.file))
    } catch (error) {
      throw diskError('open', path, error)
    }
  }

  #refuseOthers(path: string): void {
    const found = this.#calls.statSync(path)
    if (!found.isFile()) throw new ForeignFileError(path, 0, `${kindOf(found)} is in the place of a file`)
  }

  list(folder: string): string[] {
    try {
      return this.#calls.readdirSync(folder).sort()
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return []
      throw diskError('list', folder, error)
    }
  }

  /**
   * Folders are durable when this returns, because only this function knows the new ones. A process that dies in here
   * may leave folders whose names become durable only when the system writes them by itself.
   */
  makeFolder(folder: string): void {
    let made: number
    try {
      made = this.#makeFolders(folder)
    } catch (error) {
      throw diskError('makeFolder', folder, error)
    }
    for (let path = folder; made > 0; path = dirname(path), made--) this.syncDirectory(dirname(path))
  }

  #isFolder(path: string): boolean {
    try {
      this.#calls.readdirSync(path)
      return true
    } catch (error) {
      if (errnoOf(error) === 'ENOTDIR') return false
      throw error
    }
  }

  /**
   * Makes the missing folders of a path, and returns their number. It makes them one by one. Where the system makes
   * none although the parent exists, as under `/proc`, Node 20's own `recursive` never returns.
   */
  #makeFolders(folder: string): number {
    try {
      this.#makeOne(folder)
      return 1
    } catch (error) {
      const errno = errnoOf(error)
      if (errno === 'EEXIST' && this.#isFolder(folder)) return 0
      const above = dirname(folder)
      if (errno !== 'ENOENT' || above === folder) throw error
      const made = this.#makeFolders(above)
      if (made === 0) throw error
      this.#makeOne(folder)
      return made + 1
    }
  }

  #makeOne(folder: string): void {
    this.#calls.mkdirSync(folder, this.#modes.folder)
  }

  rename(from: string, to: string): void {
    if (dirname(from) !== dirname(to)) throw new TypeError(`${from} cannot be renamed to ${to}, in another folder`)
    try {
      this.#calls.renameSync(from, to)
    } catch (error) {
      throw diskError('rename', from, error)
    }
  }

  remove(path: string): void {
    try {
      this.#calls.unlinkSync(path)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw diskError('remove', path, error)
    }
  }

  removeFolder(folder: string): void {
    try {
      this.#calls.rmdirSync(folder)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw diskError('removeFolder', folder, error)
    }
  }

  syncDirectory(folder: string): void {
    if (process.platform === 'win32') return
    let descriptor: number | null = null
    try {
      descriptor = this.#calls.openSync(folder, 'r')
      this.#calls.fsyncSync(descriptor)
    } catch (error) {
      // A file system without this operation answers so; there is no alternative.
      if (descriptor === null || errnoOf(error) !== 'EINVAL') throw diskError('syncDirectory', folder, error)
    } finally {
      if (descriptor !== null) this.#calls.closeSync(descriptor)
    }
  }
}

class NodeFile implements DiskFile {
  readonly path: string
  readonly #calls: FileCalls
  readonly #descriptor: number
  #isOpen = true
  /** Descriptor of background syncs, from the first on. */
  #background: number | null = null
  /** Background syncs under way: until they have ended no descriptor must be given to another file. */
  #syncing = 0

  constructor(calls: FileCalls, path: string, descriptor: number) {
    this.#calls = calls
    this.path = path
    this.#descriptor = descriptor
  }

  size(): number {
    this.#check('size')
    try {
      return this.#calls.fstatSync(this.#descriptor).size
    } catch (error) {
      throw diskError('size', this.path, error)
    }
  }

  write(parts: readonly Uint8Array[], position: number): void {
    this.#check('write')
    checkBytes('position', position)
    let next = 0
    while (next < parts.length) {
      const first = next
      let bytes = 0
      while (next < parts.length && next - first < PARTS_MAX) {
        const { byteLength } = parts[next] as Uint8Array
        if (next > first && bytes + byteLength > CALL_BYTES_MAX) break
        bytes += byteLength
        next++
      }
      this.#writeAll(next - first === parts.length ? parts : parts.slice(first, next), bytes, position)
      position += bytes
    }
  }

  /** Writes parts that fit into one call, with as many calls as the system makes of it. */
  #writeAll(parts: readonly Uint8Array[], bytes: number, position: number): void {
    let left = bytes
    while (left > 0) {
      const written = this.#writeSome(parts, position)
      left -= written
      if (left === 0) return
      position += written
      parts = after(parts, written)
    }
  }

  /** Makes one call, and returns the number of written bytes, at least one. */
  #writeSome(parts: readonly Uint8Array[], position: number): number {
    for (let tries = 1; ; tries++) {
      try {
        const part = parts[0]
        const written =
          parts.length === 1 && part !== undefined
            ? this.#calls.writeSync(this.#descriptor, part, 0, Math.min(part.byteLength, CALL_BYTES_MAX), position)
            : this.#calls.writevSync(this.#descriptor, parts as Uint8Array[], position)
        if (written > 0) return written
      } catch (error) {
        if (errnoOf(error) === 'EINTR' && tries < INTERRUPTIONS_MAX) continue
        throw diskError('write', this.path, error)
      }
      // No file system does this; going on would be a loop without an end.
      throw new DiskError('write', this.path, 'EIO')
    }
  }

  read(into: Uint8Array, position: number): number {
    this.#check('read')
    checkBytes('position', position)
    let filled = 0
    let interruptions = 0
    while (filled < into.byteLength) {
      const wanted = Math.min(into.byteLength - filled, CALL_BYTES_MAX)
      try {
        const bytes = this.#calls.readSync(this.#descriptor, into, filled, wanted, position + filled)
        if (bytes === 0) break
        filled += bytes
      } catch (error) {
        if (errnoOf(error) === 'EINTR' && ++interruptions < INTERRUPTIONS_MAX) continue
        throw diskError('read', this.path, error)
      }
    }
    return filled
  }

  sync(): void {
    this.#check('sync')
    try {
      this.#calls.fdatasyncSync(this.#descriptor)
    } catch (error) {
      // It is not tried again, whatever the error: the system may have dropped the bytes already.
      throw diskError('sync', this.path, error)
    }
  }

  syncLater(done: (error: DiskError | null) => void): void {
    this.#check('syncLater')
    this.#background ??= this.#openAgain()
    this.#syncing++
    this.#calls.fdatasync(this.#background, error => {
      this.#syncing--
      let failure = error === null ? null : diskError('syncLater', this.path, error)
      if (!this.#isOpen && this.#syncing === 0) {
        try {
          this.#release()
        } catch (closing) {
          failure ??= closing as DiskError
        }
      }
      done(failure)
    })
  }

  truncate(bytes: number): void {
    this.#check('truncate')
    checkBytes('size', bytes)
    try {
      this.#calls.ftruncateSync(this.#descriptor, bytes)
    } catch (error) {
      throw diskError('truncate', this.path, error)
    }
  }

  /** Gives the descriptor back, at once or when the last background sync has ended; that sync receives the error. */
  close(): void {
    this.#check('close')
    this.#isOpen = false
    if (this.#syncing === 0) this.#release()
  }

  #openAgain(): number {
    try {
      return this.#calls.openSync(this.path, FLAGS.write)
    } catch (error) {
      // The file has been removed: its content no longer matters.
      if (errnoOf(error) === 'ENOENT') return this.#descriptor
      throw diskError('syncLater', this.path, error)
    }
  }

  #release(): void {
    let failure: unknown = null
    for (const descriptor of new Set([this.#background ?? this.#descriptor, this.#descriptor])) {
      try {
        this.#calls.closeSync(descriptor)
      } catch (error) {
        failure ??= error
      }
    }
    if (failure !== null) throw diskError('close', this.path, failure)
  }

  /** The system has given the descriptor of a closed file to another one, perhaps. */
  #check(operation: string): void {
    if (!this.#isOpen) throw new DiskError(operation, this.path, 'EBADF')
  }
}

function kindOf(found: fs.Stats): string {
  if (found.isDirectory()) return 'a folder'
  if (found.isFIFO()) return 'a pipe'
  return found.isSocket() ? 'a socket' : 'a device'
}

/** Rest of the parts after so many written bytes. */
function after(parts: readonly Uint8Array[], written: number): Uint8Array[] {
  let first = 0
  let skipped = written
  for (let part = parts[0]; part !== undefined && skipped >= part.byteLength; part = parts[first]) {
    skipped -= part.byteLength
    first++
  }
  const left = parts.slice(first)
  const [part] = left
  if (part !== undefined && skipped > 0) left[0] = part.subarray(skipped)
  return left
}

/** Code of the system; null for misuse, which is no failure of the system. */
function errnoOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('errno' in error) || !('code' in error)) return null
  return typeof error.code === 'string' ? error.code : null
}

function diskError(operation: string, path: string, error: unknown): DiskError {
  const errno = errnoOf(error)
  if (errno === null) throw error
  return new DiskError(operation, path, errno, error)
}
