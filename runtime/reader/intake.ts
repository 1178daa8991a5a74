/**
 * Where the records come from that a member has several of in hand, and where it says what becomes of them. Types only.
 *
 * The thread that handles. The plain executor reads its partition itself (partition-reader.ts); whoever has several records
 * in hand (lane-executor.ts, manual-reader.ts) goes through this: a partition (partition-intake.ts), or whatever else has
 * records in order, each with a number that grows. Verdicts come back as `Verdict`s with the intake's epoch.
 *
 * ```
 *   next ──> out ──> settled                 commit(prefix): all below is settled for good
 *             │ ^──> back ──> out            (and so is known to whoever comes next)
 *             └────> judge ──> verdict: settled, or out again after a delay
 * ```
 */

import type { SettleHow } from '../link/link.ts'
import type { KnownRecord } from '../wire/places.ts'
import type { ErrorWire } from '../words/errors.ts'
import type { CursorId, Epoch, Offset } from '../words/quantities.ts'
import type { FetchedFrame } from './delivery.ts'

/** A record, and where its bytes are. */
export interface RecordPlace {
  /** Grows with each. */
  readonly offset: Offset
  readonly frame: FetchedFrame
  /** Index of its first byte in the frame's buffer. */
  readonly at: number
}

/** A record that was taken in. */
export interface Taken extends RecordPlace {
  /** As text of one character a byte; null: it has none, or nobody asks. */
  readonly key: string | null
  /** What is known of it from readers before. */
  readonly known: KnownRecord | undefined
  /** What whoever took it in keeps with it; null at first. */
  kept: object | null
}

/** How a record stands: in a handler's hands, handed back, or settled for good. */
export type Standing = 'out' | 'back' | 'settled'

export interface Intake {
  /** Among all that the thread takes records from. */
  readonly cursor: CursorId
  /** Address of the slot that is charged when the thread ends with a record of it in hand; 0: none is. */
  readonly slot: number
  /** Verdicts of another epoch are about records of another reader. */
  readonly epoch: Epoch
  /** Everything below is committed. */
  readonly committed: Offset
  /** Whoever died of a record may have died of one up to here: all of them are taken in before any goes out; -1: none. */
  readonly suspectTo: number
  /** Of so many records from the committed offset on it is kept how they stand. */
  readonly accountMax: number
  /** Whether `next` would find a record without waiting; its thread is woken when it would. */
  ready(): boolean
  /** The record after the last one; null: there is none now. */
  next(): Taken | null
  /** Its place only, which counts until the next call. Null: there is none now, or something is known of records to come. */
  nextPlace(): RecordPlace | null
  /** What `next` would have given for a record of `nextPlace`, of which nothing was known. */
  taken(place: RecordPlace): Taken
  /** How a record stands from now on, in its `deliveryAttempt`-th hand-out. */
  stands(offset: Offset, deliveryAttempt: number, how: Standing): void
  /** The record failed: asks what follows, and the answer comes as a verdict, though perhaps twice. */
  judge(offset: Offset, how: SettleHow, deliveryAttempt: number, error: ErrorWire): void
  /** Everything below `offset` is settled. */
  commit(offset: Offset): void
  /**
   * What the thread has in hand of it: records of pending calls, and records that are handled and wait for their outputs.
   * `alone`: the only one of pending calls, which the thread's death is charged to; -1: there are several, or none.
   */
  inHand(pending: number, handled: number, alone: number): void
  /** Nothing is taken in or told any more. */
  close(): void
}
