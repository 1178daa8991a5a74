/**
 * Gives back the disk that settled messages of queues take.
 *
 * The partition host's thread; `tend` is called often. Only queues that have changed are looked at. Segments below the floor
 * of a queue are removed. A closed segment above it is rewritten without what is settled, once less than a quarter of it is
 * needed (thinning.ts). Adjacent ones in which nothing is needed become one. A frame of the last pass is never in it: what was taken from a ring is released before it is settled.
 *
 * Order: what was settled is durable before a segment goes that held it. Only segments below the durable mark are rewritten,
 * for a journal holds the bytes of all above it. A checkpoint is asked for where that is missing.
 *
 * Bounds: one rewriting at a time, and at most STEP_BYTES of it are read in STEP_MS. An entry for each queue that may have
 * something to give back. Files of a queue take at most 4 times what is not settled, and two segments, where messages are
 * of similar sizes, and as fast as that can be rewritten.
 */
import type { Disk } from '../disk/disk.ts'
import { CorruptLogError } from '../disk/log-errors.ts'
import type { LogSegment } from '../recovery/log-segment.ts'
import type { LogStore } from './log-store.ts'
import { SegmentRewrite } from './segment-rewrite.ts'
import type { SettledLog } from './settled-log.ts'
import type { SettledState } from './settled-state.ts'
import type { StoredPartition } from './stored-partition.ts'
import { nextToJoin, nextToRewrite, Thinning } from './thinning.ts'

const STEP_BYTES = 512 * 1_024
const STEP_MS = 4
/** How often a queue is looked at in which no segment was closed. */
const LOOK_MS = 1_000

/** A queue that may have segments to rewrite. */
interface Watched {
  readonly state: SettledState
  readonly thinning: Thinning
  /** When it was last looked at, and what it was then. */
  lookedMs: number
  newestBase: number
}

interface Underway {
  readonly stored: StoredPartition
  readonly watched: Watched
  readonly rewrite: SegmentRewrite
}

export class Reclaiming {
  readonly #disk: Disk
  readonly #logs: LogStore
  readonly #settled: SettledLog
  /** Of all queues that were ever watched. */
  readonly #known = new WeakMap<SettledState, Watched>()
  readonly #watched = new Set<Watched>()
  #underway: Underway | null = null
  #steppedMs: number = Number.NEGATIVE_INFINITY

  constructor(disk: Disk, logs: LogStore, settled: SettledLog) {
    this.#disk = disk
    this.#logs = logs
    this.#settled = settled
  }

  /** Whether it has something to do now or soon, though no queue changes. */
  get isBusy(): boolean {
    return this.#underway !== null || this.#watched.size > 0
  }

  /** @throws DiskError */
  tend(nowMs: number): void {
    for (const state of this.#settled.takeTouched()) this.#touch(state)
    if (this.#underway === null && this.#watched.size > 0) this.#look(nowMs)
    if (this.#underway !== null && nowMs - this.#steppedMs >= STEP_MS) {
      this.#steppedMs = nowMs
      this.#step(this.#underway)
    }
  }

  /** Removes what is below the floor, and watches the queue if more of it may go. */
  #touch(state: SettledState): void {
    const stored = this.#logs.find(state.topic, state.partition)
    if (stored === undefined) return
    const { log } = stored
    const [oldest, next] = log.all
    if (next !== undefined && (oldest as LogSegment).endOffset <= state.floor) {
      this.#settled.sync()
      this.#logs.removeBelow(stored, state.floor)
    }
    if (log.segments < 2) return
    const known = this.#known.get(state)
    const lookedMs = Number.NEGATIVE_INFINITY
    const watched = known ?? { state, thinning: new Thinning(), lookedMs, newestBase: -1 }
    if (known === undefined) this.#known.set(state, watched)
    this.#watched.add(watched)
  }

  /** Begins to rewrite a segment, if one is due. */
  #look(nowMs: number): void {
    for (const watched of this.#watched) {
      const { state } = watched
      const stored = this.#logs.find(state.topic, state.partition)
      if (stored === undefined) {
        this.#watched.delete(watched)
        continue
      }
      const newestBase = stored.log.all.at(-1)?.baseOffset as number
      if (newestBase === watched.newestBase && nowMs - watched.lookedMs < LOOK_MS) continue
      const dead = nextToJoin(stored.log.all, state, stored.syncedTo)
      if (dead !== null) {
        this.#settled.sync()
        this.#logs.join(stored, dead.first, dead.count)
        return
      }
      const found = nextToRewrite(stored.log.all, state, watched.thinning, nowMs)
      if (found === 'none') this.#watched.delete(watched)
      if (found === 'none' || found === 'later') {
        watched.lookedMs = nowMs
        watched.newestBase = newestBase
        continue
      }
      if (found.segment.endOffset > stored.syncedTo) {
        this.#logs.wantCheckpoint()
        continue
      }
      const rewrite = new SegmentRewrite(this.#disk, stored.folder, stored.settings, found)
      this.#underway = { stored, watched, rewrite }
      return
    }
  }

  #step({ stored, watched, rewrite }: Underway): void {
    const { segment } = rewrite
    const { log } = stored
    const isThere =
      this.#logs.find(watched.state.topic, watched.state.partition) === stored && log.all.includes(segment)
    const how = isThere ? stepOf(rewrite) : 'dense'
    if (how === 'more') return
    this.#underway = null
    if (how !== 'read') rewrite.giveUp()
    else {
      const written = rewrite.finish()
      this.#settled.sync()
      this.#logs.replace(stored, segment, written)
    }
    watched.thinning.note(segment, how === 'damaged' ? null : watched.state)
  }

  /** Gives up what is under way. */
  close(): void {
    this.#underway?.rewrite.giveUp()
    this.#underway = null
  }
}

/** Damage is left to those who need what is damaged, and to verify: a segment that has it stays as it is. */
function stepOf(rewrite: SegmentRewrite): 'more' | 'read' | 'dense' | 'damaged' {
  try {
    return rewrite.step(STEP_BYTES)
  } catch (error) {
    if (!(error instanceof CorruptLogError)) throw error
    return 'damaged'
  }
}
