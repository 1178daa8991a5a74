/**
 * One open file of the real disk, over `node:fs`.
 *
 * Any thread. A file may lie in any memory, also shared: the system reads a view's bytes where they are, and nothing is
 * copied on the way.
 *
 * A write is one system call in the usual case, and then allocates nothing that grows with it. The system may write
 * less than requested (a signal, a disk nearly full, a limit on the size of files). Further calls write the rest, and
 * the last of them reports the error. Bounds: PARTS_MAX parts and CALL_BYTES_MAX bytes go into one call, and a call is
 * tried INTERRUPTIONS_MAX times when signals interrupt it.
 *
 * `sync` is fdatasync: bytes, and of the metadata the size. Systems report lost bytes to each descriptor once. A
 * background sync therefore has a descriptor of its own. Otherwise it could receive the report, and a sync of the
 * foreground would wrongly succeed.
 */
import fs from 'node:fs'
import { checkBytes } from './check-bytes.ts'
import { DiskError, type DiskFile } from './disk.ts'
import { diskError, errnoOf, type FileCalls } from './node-calls.ts'

/** IOV_MAX of Linux: a call with more parts is refused. */
const PARTS_MAX = 1_024

/** Node counts the bytes of a call in a 32-bit integer with a sign. */
const CALL_BYTES_MAX = 2 ** 30

/** A signal may end a call before it has done anything. */
const INTERRUPTIONS_MAX = 1_000

const { O_CREAT, O_EXCL, O_RDWR, O_RDONLY } = fs.constants
/** A special file that has taken the name since the last look must not block this thread either. */
const NOW: number = fs.constants.O_NONBLOCK ?? 0

/** An error if the file is there; read and write what is there; read only. */
export const FLAGS: Readonly<Record<'create' | 'write' | 'read', number>> = {
  create: O_CREAT | O_EXCL | O_RDWR,
  write: O_RDWR | NOW,
  read: O_RDONLY | NOW,
}

export class NodeFile implements DiskFile {
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
