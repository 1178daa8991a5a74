/**
 * The file system itself, by synchronous calls of `node:fs`.
 *
 * Any thread, each with files of its own. A write goes on until all of its parts are written: a file system that is nearly full
 * writes some of them first and fails at the next call. Parts may be views of shared memory.
 *
 * On Windows a folder cannot be synced: there a new name may be lost with the power, and what was written with it.
 */
import * as fs from 'node:fs'
import { join } from 'node:path'
import { type Disk, DiskError, type DiskFile } from './disk.ts'

/** What one call of the system takes (IOV_MAX on Linux). */
const PARTS_MAX = 1_024

const FLAGS = { create: 'wx+', write: 'r+', read: 'r' } as const

/** Does it, and throws what goes wrong as a `DiskError`. */
function attempt<T>(operation: string, path: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw failure(operation, path, error)
  }
}

function failure(operation: string, path: string, error: unknown): DiskError {
  return new DiskError(operation, path, (error as NodeJS.ErrnoException).code ?? 'unknown', error)
}

class NodeFile implements DiskFile {
  readonly path: string
  readonly #fd: number
  #closed = false

  constructor(path: string, fd: number) {
    this.path = path
    this.#fd = fd
  }

  size(): number {
    return attempt('size', this.path, () => fs.fstatSync(this.#fd).size)
  }

  write(parts: readonly Uint8Array[], position: number): void {
    attempt('write', this.path, () => {
      let at = position
      for (let first = 0; first < parts.length; first += PARTS_MAX)
        at += this.#writeAll(parts.length <= PARTS_MAX ? parts : parts.slice(first, first + PARTS_MAX), at)
    })
  }

  /** Returns the bytes of all parts. */
  #writeAll(parts: readonly Uint8Array[], position: number): number {
    let total = 0
    for (const part of parts) total += part.length
    let left = parts
    for (let written = 0; written < total; ) {
      const now = fs.writevSync(this.#fd, left, position + written)
      written += now
      if (written < total) left = rest(left, now)
    }
    return total
  }

  read(into: Uint8Array, position: number): number {
    return attempt('read', this.path, () => {
      let read = 0
      while (read < into.length) {
        const now = fs.readSync(this.#fd, into, read, into.length - read, position + read)
        if (now === 0) break
        read += now
      }
      return read
    })
  }

  sync(): void {
    attempt('sync', this.path, () => fs.fdatasyncSync(this.#fd))
  }

  syncLater(done: (error: DiskError | null) => void): void {
    fs.fdatasync(this.#fd, error => done(error === null ? null : failure('sync', this.path, error)))
  }

  truncate(bytes: number): void {
    attempt('truncate', this.path, () => fs.ftruncateSync(this.#fd, bytes))
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    attempt('close', this.path, () => fs.closeSync(this.#fd))
  }
}

/** What of these parts comes after the first `bytes`. */
function rest(parts: readonly Uint8Array[], bytes: number): Uint8Array[] {
  const left: Uint8Array[] = []
  let skipped = 0
  for (const part of parts) {
    const skip = Math.min(part.length, bytes - skipped)
    skipped += skip
    if (skip < part.length) left.push(part.subarray(skip))
  }
  return left
}

export class NodeDisk implements Disk {
  open(path: string, how: 'create' | 'write' | 'read'): DiskFile {
    return new NodeFile(
      path,
      attempt('open', path, () => fs.openSync(path, FLAGS[how])),
    )
  }

  list(folder: string): string[] {
    try {
      return fs.readdirSync(folder).sort()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw failure('list', folder, error)
    }
  }

  makeFolder(folder: string): void {
    attempt('makeFolder', folder, () => fs.mkdirSync(folder, { recursive: true }))
  }

  rename(from: string, to: string): void {
    attempt('rename', from, () => fs.renameSync(from, to))
  }

  remove(path: string): void {
    attempt('remove', path, () => fs.rmSync(path, { force: true }))
  }

  syncDirectory(folder: string): void {
    if (process.platform === 'win32') return
    attempt('syncDirectory', folder, () => {
      const fd = fs.openSync(join(folder, '.'), 'r')
      try {
        fs.fsyncSync(fd)
      } finally {
        fs.closeSync(fd)
      }
    })
  }
}
