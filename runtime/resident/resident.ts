/**
 * What lives on a partition host: partitions, groups, and whatever else takes part in its loop.
 *
 * The partition host's thread. The loop knows residents only (host/residents.ts): it gives a step to those that are busy, brings
 * what they staged to the disk together, and sleeps when none of them is ready. So a pass costs what is busy.
 *
 * A resident is busy from the moment it is added, or woken: by a hint that names it, a control call, or another resident. It is
 * let go once it rests, and then nobody looks at it until it is woken or due. Who changes what `standing` says of a resting
 * resident wakes it; that is the one rule that a new kind must keep.
 *
 * `host/resident-contract.fixture.ts` says the same as tests, which every kind passes.
 */
import type { SettledChange } from '../log/format/settled-change.ts'
import type { StoreEntry } from '../log/store/log-store-types.ts'

/**
 * Where a resident stands between two steps:
 *
 * * `ready`: a step would do something now;
 * * `waitsForCommit`: it has something to do, and a reader's commit may let it go on, so that readers tell of theirs;
 * * `waits`: it has something to do, and is to be asked in each pass, because what it waits for names nobody;
 * * `rests`: there is nothing to do until it is woken or due.
 */
export type Standing = 'ready' | 'waitsForCommit' | 'waits' | 'rests'

/** What a step did that does not count before the disk has it. */
export interface Staged {
  /** What it took, of one log each: all of that is on disk, or nothing; empty: nothing. */
  readonly frames: readonly StoreEntry[]
  /** What its queue has settled and handed out. It is written behind the frames of all residents; left out: nothing. */
  readonly settled?: SettledChange | null
  /** The disk has it. */
  committed(): void
  /** The disk failed, and nobody knows whether it has it; `status`: what receipts say of that (link/link.ts). */
  failed(status: number): void
}

export interface Resident {
  /** One bounded step, and news that it is time to tell; whether it did something, so that another step may do more. */
  work(): boolean
  standing(): Standing
  /** In how many milliseconds it is to be given a step though nobody wakes it; Infinity: never. Asked when the host is to sleep. */
  dueInMs(nowMs: number): number
  /** What its last step staged, once; null: nothing. */
  stage(): Staged | null
}
