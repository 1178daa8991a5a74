/**
 * States that the control thread keeps by name, some of them on disk: snapshots of handlers, and how far named producers are.
 *
 * The control thread, whose end is that of the broker. What is on disk is in a state log, one record for each change; it
 * survives the process at once, and a loss of power a second later, or at once where that is asked for. The first state of a
 * name is always durable at once: others go by it, and without it a loss of power would leave them and no state at all.
 * Once there is one, an older state is what such a loss leaves.
 *
 * Bound: one state for each name.
 */
import { clearInterval, setInterval } from '../../actors/world.ts'
import type { Disk } from '../log/disk/disk.ts'
import { StateLog } from '../log/store/state-log.ts'
import { storeError } from '../log/store/store-errors.ts'
import type { CutTail } from '../wire/folder.ts'

const SYNC_MS = 1_000

export class KeptStates<T> {
  readonly #kept = new Map<string, T>()
  readonly #log: StateLog | null
  readonly #timer: NodeJS.Timeout | null
  #failure: Error | null = null

  /** `place` null: nothing is kept on disk. @throws LogFileError, DiskError */
  constructor(disk: Disk, place: { readonly path: string; readonly logId: Uint8Array } | null) {
    this.#log = place === null ? null : StateLog.open(disk, place.path, { logId: place.logId, syncs: false })
    for (const [name, state] of this.#log?.entries() ?? []) this.#kept.set(name, state as T)
    this.#timer = this.#log === null ? null : setInterval(() => this.#sync(), SYNC_MS)
  }

  /** What was cut off its file when it was opened. */
  get torn(): CutTail | null {
    return this.#log?.torn ?? null
  }

  /** Of all that is kept. */
  get names(): string[] {
    return [...this.#kept.keys()]
  }

  get(name: string): T | null {
    return this.#kept.get(name) ?? null
  }

  /** `isStored`: on disk as well; durable at once where nothing is kept by that name yet. @throws MillraceError MILL_DISK */
  keep(name: string, state: T, isStored: boolean): void {
    if (isStored) this.#write(name, state)
    if (isStored && !this.#kept.has(name)) this.#syncNow()
    this.#kept.set(name, state)
  }

  /** Keeps what must survive before anything else is done because of it. @throws MillraceError MILL_DISK */
  keepDurably(name: string, state: T): void {
    this.#write(name, state)
    this.#syncNow()
    this.#kept.set(name, state)
  }

  forget(name: string): void {
    this.#kept.delete(name)
    if (this.#log?.has(name) === true) this.#write(name, undefined)
  }

  /** Forgets these for good: no loss of power brings one back. @throws MillraceError MILL_DISK */
  forgetDurably(names: Iterable<string>): void {
    for (const name of names) this.forget(name)
    this.#syncNow()
  }

  #syncNow(): void {
    this.#sync()
    if (this.#failure !== null) throw this.#failure
  }

  #write(name: string, state: T | undefined): void {
    this.#attempt(log => log.write([[name, state]]))
    if (this.#failure !== null) throw this.#failure
  }

  #sync(): void {
    this.#attempt(log => {
      if (!log.isSynced) log.sync()
    })
  }

  #attempt(act: (log: StateLog) => void): void {
    if (this.#failure !== null || this.#log === null) return
    try {
      act(this.#log)
    } catch (error) {
      this.#failure = storeError(error)
    }
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#sync()
    this.#log?.close()
  }
}
