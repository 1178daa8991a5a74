/**
 * The disk of a simulated process, as all of its threads see it: a SimDisk on which each operation is a place to stop at.
 *
 * One per seed; it outlives processes as a disk does. Each operation takes time, and a thread that has stopped does none.
 * Background syncs end when the scheduler says so, in the order that the seed draws. Two things can be armed, each for so
 * many operations from now: the end of the process (a write is done in part then), and a failure. As on real disks, a write that fails
 * has done a part of its work, and a sync that has failed is not made good by the next one on the same open file.
 */
import type { Lock } from '../../log/disk/directory-lock.ts'
import { type Disk, DiskError, type DiskFile } from '../../log/disk/disk.ts'
import { DirectoryHeldError } from '../../log/disk/lock-errors.ts'
import type { FailurePlan } from './disk-plan.ts'
import { EVENT, type Scheduler, type SimThread, Stopped } from './scheduler.ts'
import { type DiskOperation, SimDisk } from './sim-disk.ts'

/** What an operation costs but for a sync, in ms. */
const OPERATION_MS = 0.01
/** What the background may take, as a multiple of a sync. */
const LATER = 20

export class ProcessDisk implements Disk {
  readonly scheduler: Scheduler
  readonly disk: SimDisk
  /** What a sync costs at most, in ms. */
  readonly #syncMs: number
  /** The folders that are held by the process under way. */
  readonly #held = new Set<string>()
  #process = 0
  /** Operations until the process ends. */
  #endsIn = 0
  #end: () => void = () => undefined
  /** The process ends with this thread, which may be in the midst of a write then. */
  doomed: SimThread | null = null
  #failure: FailurePlan | null = null
  #failsIn = 0
  /** Whether an operation of this process has failed. */
  hasFailed = false
  /** Called when that happens, once in a process. */
  onFailure: () => void = () => undefined

  constructor(scheduler: Scheduler, syncMs: number) {
    this.scheduler = scheduler
    this.#syncMs = syncMs
    this.disk = new SimDisk(complete => this.#later(complete))
  }

  /** Lets the process end at this operation from now on. */
  endIn(operations: number, end: () => void): void {
    this.#endsIn = operations
    this.#end = end
  }

  failIn(operations: number, failure: FailurePlan): void {
    this.#failsIn = operations
    this.#failure = failure
  }

  /** The process has ended; the folders that it held and had not given up. */
  ended(how: 'closed' | 'killed' | 'power'): readonly string[] {
    const held = [...this.#held]
    this.#held.clear()
    this.#process++
    this.#endsIn = 0
    this.#failure = null
    this.hasFailed = false
    this.doomed = null
    // Alike: what a named producer lost of its state, and retention of its records, is a repetition that no rule allows for.
    if (how === 'power') this.disk.powerCut(this.scheduler.chance, this.scheduler.chance.happens(0.3))
    else this.disk.crash()
    return held
  }

  /** In place of directory-lock.ts: a process that has ended holds nothing. */
  lock(directory: string): Lock {
    this.makeFolder(directory)
    if (this.#held.has(directory)) throw new DirectoryHeldError(directory, 'held', null)
    this.#held.add(directory)
    return { folder: null, release: () => this.#held.delete(directory) }
  }

  /** Before each operation; `part` does a part of a write. Throws where it fails, or the process ends. */
  begin(operation: DiskOperation, path: string, part: () => void = () => undefined): void {
    const { scheduler } = this
    const thread = scheduler.current
    const isAlive = thread?.state === 'alive'
    try {
      scheduler.check()
    } catch (error) {
      if (isAlive && thread === this.doomed) part()
      throw error
    }
    if (this.#endsIn > 0 && --this.#endsIn === 0) {
      part()
      this.#end()
      throw new Stopped()
    }
    const isSync = operation === 'sync' || operation === 'syncDirectory'
    scheduler.now += isSync ? scheduler.chance.next() * this.#syncMs : OPERATION_MS
    scheduler.trace?.(`${scheduler.stamp} disk ${operation} ${path}`)
    this.#mayFail(operation, path, part)
  }

  #mayFail(operation: DiskOperation, path: string, part: () => void): void {
    const failure = this.#failure
    if (failure === null || !failure.operations.includes(operation)) return
    if (this.#failsIn > 0 && --this.#failsIn > 0) return
    if (!failure.lasts) this.#failure = null
    if (!this.hasFailed) this.onFailure()
    this.hasFailed = true
    this.scheduler.trace?.(`${this.scheduler.stamp} ${operation} of ${path} fails: ${failure.errno}`)
    part()
    throw new DiskError(operation, path, failure.errno)
  }

  /** A background sync, on the thread that began it: nobody is told if that has ended. */
  #later(complete: () => void): void {
    const { scheduler } = this
    const { chance } = scheduler
    const process = this.#process
    scheduler.plan(scheduler.current as SimThread, chance.next() * this.#syncMs * LATER, EVENT.act, () => {
      if (process === this.#process) complete()
    })
  }

  tellLater(tell: () => void): void {
    this.#later(tell)
  }

  open(path: string, how: 'create' | 'write' | 'read'): DiskFile {
    this.begin('open', path)
    return new ProcessFile(this, this.disk.open(path, how))
  }

  list(folder: string): string[] {
    this.begin('list', folder)
    return this.disk.list(folder)
  }

  makeFolder(folder: string): void {
    this.begin('makeFolder', folder)
    this.disk.makeFolder(folder)
  }

  rename(from: string, to: string): void {
    this.begin('rename', from)
    this.disk.rename(from, to)
  }

  remove(path: string): void {
    this.begin('remove', path)
    this.disk.remove(path)
  }

  removeFolder(folder: string): void {
    this.begin('removeFolder', folder)
    this.disk.removeFolder(folder)
  }

  syncDirectory(folder: string): void {
    this.begin('syncDirectory', folder)
    this.disk.syncDirectory(folder)
  }
}

class ProcessFile implements DiskFile {
  readonly path: string
  readonly #owner: ProcessDisk
  readonly #file: DiskFile
  #hasFailed = false
  /** What the other descriptor has still to be told: the system tells each of them once of what it could not write. */
  readonly #owed = new Map<'sync' | 'syncLater', string>()

  constructor(owner: ProcessDisk, file: DiskFile) {
    this.#owner = owner
    this.#file = file
    this.path = file.path
  }

  size(): number {
    this.#owner.begin('size', this.path)
    return this.#file.size()
  }

  write(parts: readonly Uint8Array[], position: number): void {
    this.#owner.begin('write', this.path, () => {
      const bytes = Buffer.concat(parts)
      const done = this.#owner.scheduler.chance.below(bytes.length + 1)
      if (done > 0) this.#file.write([bytes.subarray(0, done)], position)
    })
    this.#file.write(parts, position)
  }

  read(into: Uint8Array, position: number): number {
    this.#owner.begin('read', this.path)
    return this.#file.read(into, position)
  }

  sync(): void {
    this.#begin('sync')
    if (!this.#hasFailed) this.#file.sync()
  }

  #begin(operation: 'sync' | 'syncLater'): void {
    const owed = this.#owed.get(operation)
    this.#owed.delete(operation)
    try {
      this.#owner.begin(operation, this.path)
      if (owed !== undefined) throw new DiskError(operation, this.path, owed)
    } catch (error) {
      if (error instanceof DiskError) {
        this.#hasFailed = true
        if (owed === undefined) this.#owed.set(operation === 'sync' ? 'syncLater' : 'sync', error.errno)
      }
      throw error
    }
  }

  syncLater(done: (error: DiskError | null) => void): void {
    try {
      this.#begin('syncLater')
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      this.#owner.tellLater(() => done(error))
      return
    }
    if (this.#hasFailed) this.#owner.tellLater(() => done(null))
    else this.#file.syncLater(done)
  }

  truncate(bytes: number): void {
    this.#owner.begin('truncate', this.path)
    this.#file.truncate(bytes)
  }

  close(): void {
    this.#owner.begin('close', this.path)
    this.#file.close()
  }
}
