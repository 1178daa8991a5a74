/**
 * What a partition host writes to its disk in the background: how far groups are, which letters were read, checkpoints, retention.
 *
 * The partition host's thread. States of groups are swept into their log SWEEP_MS after they changed, and before anybody is told
 * of a dead letter. Both logs of states survive a loss of power after SYNC_MS, whoever wrote to them. Only groups are looked at that
 * lag: whose reader may commit, or has committed what is not kept yet. Bound: the groups of the host.
 */

import { nowMs, wallMs } from '../../actors/world.ts'
import type { Instant } from '../base/clock.ts'
import type { GroupActor } from '../group/group-actor.ts'
import type { Standing } from '../resident/resident.ts'
import { Chore } from './chore.ts'
import type { HostStore } from './host-store.ts'

const SWEEP_MS = 100
const SYNC_MS = 1_000
/** While segments are rewritten. */
const RECLAIM_MS = 5
/** Retention is looked after as often. */
const REST_MS = 5_000

export class StoreUpkeep extends Chore {
  readonly #store: HostStore
  readonly #countLetters: () => void
  readonly #lagging = new Set<GroupActor>()
  /** Something was appended since the last sync of the states. */
  #appended = false
  /** In `nowMs`: both go on when the wall clock is set back. */
  #sweptMs = Number.NEGATIVE_INFINITY
  #syncedMs = Number.NEGATIVE_INFINITY
  #tendedMs = Number.NEGATIVE_INFINITY

  /** `countLetters`: counts what groups have read of dead letters, after what they have read was written down. */
  constructor(store: HostStore, countLetters: () => void) {
    super()
    this.#store = store
    // Others write states as well: ceilings, settled letters, what is forgotten.
    store.unsynced = () => this.wake()
    this.#countLetters = countLetters
  }

  /** It may have something to be written down, now or soon. */
  lags(group: GroupActor): void {
    if (!group.partition.isOnDisk || this.#lagging.has(group)) return
    this.#lagging.add(group)
    this.wake()
  }

  forget(group: GroupActor): void {
    this.#lagging.delete(group)
  }

  appended(): void {
    this.#appended = true
    this.wake()
  }

  /** Writes down how far groups are, where that has changed. */
  sweep(): void {
    this.#store.sweep(this.#lagging)
    for (const group of this.#lagging) if (!group.lags) this.#lagging.delete(group)
  }

  work(): boolean {
    this.tend({ nowMs: nowMs(), wallMs: wallMs() })
    return false
  }

  tend({ nowMs, wallMs }: Instant): void {
    const store = this.#store
    this.#tendedMs = nowMs
    store.tendLogs({ nowMs, wallMs })
    if (nowMs - this.#sweptMs >= SWEEP_MS) {
      this.#sweptMs = nowMs
      if (this.#lagging.size > 0) {
        this.sweep()
        store.attempt(this.#countLetters)
      }
    }
    if (nowMs - this.#syncedMs >= SYNC_MS) {
      this.#syncedMs = nowMs
      this.#appended = false
      store.syncStates()
    }
  }

  standing(): Standing {
    return 'rests'
  }

  /** Readers do not ring for each commit that is to be written down. */
  override dueInMs(nowMs: number): number {
    if (this.#store.failure !== null) return REST_MS
    const restMs = this.#tendedMs + REST_MS
    // What was appended may be more than retention allows, which looks once a second.
    const syncMs = this.#store.isSynced && !this.#appended ? restMs : this.#syncedMs + SYNC_MS
    const reclaimMs = this.#store.isReclaiming ? this.#tendedMs + RECLAIM_MS : restMs
    const sweepMs = this.#lagging.size > 0 ? this.#sweptMs + SWEEP_MS : restMs
    return Math.max(0, Math.ceil(Math.min(restMs, syncMs, sweepMs, reclaimMs) - nowMs))
  }
}
