/**
 * The snapshots of handlers' states: for each partition of a group the last one, with the offset up to which it counts.
 *
 * The control thread, whose end is that of the broker. Those of topics on disk are in a state log as well, one record for
 * state and offset; it survives the process at once, and a loss of power a second later: then an older state comes with its
 * own, older offset.
 *
 * Bound: one text for each partition of a group whose handler has `snapshot`.
 */
import { join } from 'node:path'
import { clearInterval, setInterval } from '../../actors/world.ts'
import type { Disk } from '../log/disk.ts'
import { StateLog } from '../log/state-log.ts'
import { storeError } from '../log/store-errors.ts'
import type { HandlerSnapshot } from '../protocol.ts'

const SYNC_MS = 1_000

export class Snapshots {
  readonly #kept = new Map<number, HandlerSnapshot>()
  readonly #log: StateLog | null
  readonly #timer: NodeJS.Timeout | null
  #failure: Error | null = null

  /** `dir` null: nothing is kept on disk. @throws LogFileError, DiskError */
  constructor(disk: Disk, place: { readonly dir: string; readonly logId: Uint8Array } | null) {
    this.#log =
      place === null ? null : StateLog.open(disk, join(place.dir, 'snapshots'), { logId: place.logId, syncs: false })
    for (const [member, snapshot] of this.#log?.entries() ?? [])
      this.#kept.set(Number(member), snapshot as HandlerSnapshot)
    this.#timer = this.#log === null ? null : setInterval(() => this.#sync(), SYNC_MS)
  }

  get(member: number): HandlerSnapshot | null {
    return this.#kept.get(member) ?? null
  }

  /** @throws MillraceError MILL_DISK */
  keep(member: number, snapshot: HandlerSnapshot, isStored: boolean): void {
    if (isStored) this.#write(member, snapshot)
    this.#kept.set(member, snapshot)
  }

  forget(member: number): void {
    this.#kept.delete(member)
    if (this.#log?.has(`${member}`) === true) this.#write(member, undefined)
  }

  #write(member: number, snapshot: HandlerSnapshot | undefined): void {
    this.#attempt(log => log.write([[`${member}`, snapshot]]))
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
