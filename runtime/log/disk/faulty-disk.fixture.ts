/**
 * A disk around another one that fails where a test says so, and records each call.
 *
 * As on real disks, a write that fails has done a part of its work, and, where the disk below can tell, a sync that failed is
 * not made good by the next one: the system has let go of what it could not write, and says that all is well.
 */
import { type Disk, DiskError, type DiskFile } from './disk.ts'

export type DiskOperation = Exclude<keyof Disk | keyof DiskFile, 'path'>

export interface DiskCall {
  readonly operation: DiskOperation
  /** The first path that it was given. */
  readonly path: string
  /** Bytes that were to be written or read. */
  readonly bytes?: number
  readonly position?: number
  /** The code of the failure; null: there was none. */
  readonly errno: string | null
}

export interface Fault {
  readonly operation: DiskOperation
  /** Only calls with a path that this matches are counted. Default: all. */
  readonly path?: RegExp
  /** Which of them fails, from now on and from 1. Default: the next. */
  readonly nth?: number
  /** How many of them fail, one after the other. Default 1; `Number.POSITIVE_INFINITY`: the disk stays as it is. */
  readonly times?: number
  /** Default EIO. */
  readonly errno?: string
  /** Bytes of a write that are done before it fails. Default: half of them. */
  readonly writtenBytes?: number
}

/** A file of a disk that knows what becomes of what a sync fails to write. */
interface SyncedFile extends DiskFile {
  failSync?(): void
}

interface ArmedFault {
  readonly fault: Fault
  /** Calls until it fails. */
  wait: number
  /** Failures left. */
  left: number
}

export class FaultyDisk implements Disk {
  readonly #disk: Disk
  readonly #armed: ArmedFault[] = []
  /** All calls so far, oldest first. */
  readonly calls: DiskCall[] = []
  /** When a failed sync of the background is told of. */
  readonly later: (tell: () => void) => void

  constructor(disk: Disk, later: (tell: () => void) => void = queueMicrotask) {
    this.#disk = disk
    this.later = later
  }

  /** Lets a later call fail. Several may be armed; the one armed first is looked at first. */
  fail(fault: Fault): void {
    this.#armed.push({ fault, wait: (fault.nth ?? 1) - 1, left: fault.times ?? 1 })
  }

  /** The disk is well from now on. */
  heal(): void {
    this.#armed.length = 0
  }

  /** `operation name` of all calls so far, or of those of these operations. */
  trace(...operations: readonly DiskOperation[]): string[] {
    return this.calls
      .filter(({ operation }) => operations.length === 0 || operations.includes(operation))
      .map(({ operation, path }) => `${operation} ${path.slice(path.lastIndexOf('/') + 1)}`)
  }

  open(path: string, how: 'create' | 'write' | 'read'): DiskFile {
    const file = this.#run('open', path, () => this.#disk.open(path, how))
    return new FaultyFile(this, file)
  }

  list(folder: string): string[] {
    return this.#run('list', folder, () => this.#disk.list(folder))
  }

  makeFolder(folder: string): void {
    this.#run('makeFolder', folder, () => this.#disk.makeFolder(folder))
  }

  rename(from: string, to: string): void {
    this.#run('rename', from, () => this.#disk.rename(from, to))
  }

  remove(path: string): void {
    this.#run('remove', path, () => this.#disk.remove(path))
  }

  removeFolder(folder: string): void {
    this.#run('removeFolder', folder, () => this.#disk.removeFolder(folder))
  }

  syncDirectory(folder: string): void {
    this.#run('syncDirectory', folder, () => this.#disk.syncDirectory(folder))
  }

  #run<T>(operation: DiskOperation, path: string, act: () => T): T {
    return this.guarded({ operation, path }, this.strike(operation, path), act)
  }

  /** Counts a call; the fault that befalls it, or null. */
  strike(operation: DiskOperation, path: string): Fault | null {
    let struck: Fault | null = null
    for (const armed of this.#armed) {
      const { fault } = armed
      if (fault.operation !== operation || !(fault.path?.test(path) ?? true)) continue
      if (armed.wait > 0) armed.wait--
      else if (armed.left > 0 && struck === null) {
        armed.left--
        struck = fault
      }
    }
    return struck
  }

  /** Does a call or fails it, and records it. */
  guarded<T>(call: Omit<DiskCall, 'errno'>, fault: Fault | null, act: () => T): T {
    try {
      if (fault !== null) throw new DiskError(call.operation, call.path, fault.errno ?? 'EIO')
      const result = act()
      this.calls.push({ ...call, errno: null })
      return result
    } catch (error) {
      if (error instanceof DiskError) this.calls.push({ ...call, errno: error.errno })
      throw error
    }
  }
}

class FaultyFile implements DiskFile {
  readonly path: string
  readonly #disk: FaultyDisk
  readonly #file: SyncedFile

  constructor(disk: FaultyDisk, file: SyncedFile) {
    this.#disk = disk
    this.#file = file
    this.path = file.path
  }

  #run<T>(operation: DiskOperation, act: () => T): T {
    return this.#disk.guarded({ operation, path: this.path }, this.#disk.strike(operation, this.path), act)
  }

  size(): number {
    return this.#run('size', () => this.#file.size())
  }

  write(parts: readonly Uint8Array[], position: number): void {
    const bytes = parts.reduce((sum, { byteLength }) => sum + byteLength, 0)
    const fault = this.#disk.strike('write', this.path)
    if (fault !== null) {
      const written = Math.min(bytes, fault.writtenBytes ?? Math.floor(bytes / 2))
      if (written > 0) this.#file.write([Buffer.concat(parts).subarray(0, written)], position)
    }
    const call = { operation: 'write', path: this.path, bytes, position } as const
    this.#disk.guarded(call, fault, () => this.#file.write(parts, position))
  }

  read(into: Uint8Array, position: number): number {
    const call = { operation: 'read', path: this.path, bytes: into.byteLength, position } as const
    return this.#disk.guarded(call, this.#disk.strike('read', this.path), () => this.#file.read(into, position))
  }

  sync(): void {
    const fault = this.#disk.strike('sync', this.path)
    if (fault !== null) this.#file.failSync?.()
    this.#disk.guarded({ operation: 'sync', path: this.path }, fault, () => this.#file.sync())
  }

  syncLater(done: (error: DiskError | null) => void): void {
    const { path } = this
    const fault = this.#disk.strike('syncLater', path)
    if (fault === null) {
      this.#disk.guarded({ operation: 'syncLater', path }, null, () => this.#file.syncLater(done))
      return
    }
    const errno = fault.errno ?? 'EIO'
    this.#file.failSync?.()
    this.#disk.calls.push({ operation: 'syncLater', path, errno })
    this.#disk.later(() => done(new DiskError('syncLater', path, errno)))
  }

  truncate(bytes: number): void {
    this.#run('truncate', () => this.#file.truncate(bytes))
  }

  close(): void {
    this.#run('close', () => this.#file.close())
  }
}
