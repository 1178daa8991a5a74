/** What has changed of the messages of one queue, as it is written down (settled-format.ts). Leaf, any thread; data only. */
import type { DeadLetterReason } from '../../words/broker-events.ts'

/** Ascending `[from, to)`, none touching the next. */
export type OffsetRanges = readonly (readonly [from: number, to: number])[]

/** What deviates of a message that was handed out before and is not settled. It replaces all that was known of it. */
export interface SettledAttempt {
  readonly offset: number
  readonly handOuts: number
  readonly failures: number
  /** Whether it may have killed its thread. */
  readonly isSuspect: boolean
  /** Whether it was out at the death of a process before. */
  readonly hasSurvived: boolean
  /** Whether it is out. */
  readonly isOut: boolean
  /** Why it is to be a dead letter; null: it is not. */
  readonly dying: DeadLetterReason | null
  /** In whole ms since the epoch; both 0: it never failed. */
  readonly firstFailureMs: number
  readonly lastFailureMs: number
  /** When its retry is due, in whole ms since the epoch; 0: it waits for none. */
  readonly dueMs: number
}

/** What was updated of a message that is not settled. It replaces all that was known to be. Times are in whole ms since the epoch. */
export interface SettledUpdate {
  readonly offset: number
  /** When this was written: no time is further away than it was then. */
  readonly atMs: number
  /** Null: as its record says; the same of the times. */
  readonly priority: number | null
  readonly dueMs: number | null
  /** Infinity: never. */
  readonly expiresMs: number | null
  /** Whether it is due from now on: that it fell due before does not count any more. */
  readonly isPutOff: boolean
}

/** How many messages of a queue ended otherwise than by an acknowledgement, and how often one failed. */
export interface SettledTotals {
  readonly deadLettered: number
  readonly dropped: number
  readonly purged: number
  readonly cancelled: number
  readonly failures: number
}

/** Messages that fell due together: in this order they stand behind what was appended below `place`. */
export interface DueGroup {
  readonly place: number
  readonly offsets: readonly number[]
}

/** What the times of messages came to. */
export interface SettledTimes {
  /** Messages that expired without a dead letter. */
  readonly expired: number
  /** An offset behind the last message that has times. */
  readonly end: number
}

/** An end of the log, and the bytes of all below it that is not settled: an opening need not look at that. */
export interface KnownEnd {
  readonly end: number
  readonly bytes: number
}

/**
 * Ids of messages, by which a second one of an id is not taken (base/id-table.ts). They are numbered from 0 on, in the order of their
 * messages.
 */
export interface IdChange {
  /** Those before it are forgotten. */
  readonly first: number
  /** Number of the first one here, from `first` on. */
  readonly from: number
  /** ID_HASH_BYTES of each. */
  readonly hashes: Uint8Array
  /** Of its message; ascending. */
  readonly offsets: readonly number[]
  /** When it came, in whole ms since the epoch; none before the one in front of it. */
  readonly timesMs: readonly number[]
  /** Messages that were not taken, so far, and ids that were forgotten before their time. */
  readonly duplicates: number
  readonly forgotten: number
}

/** How far a producer with numbers is in the log of a queue. It is known here when the message is settled, and its segment gone. */
export interface SettledNumber {
  /** Number that the producer's frames carry. */
  readonly producer: number
  /** The lower half of the number of its last message. */
  readonly last: number
  /** Offset behind that. */
  readonly end: number
}

/** An end of the queue's dead-letter topic. Its letters below are of messages that are said to be settled: an opening looks at the others. */
export interface KnownLetters {
  readonly topic: number
  readonly end: number
}

/** What is different of one queue. */
export interface SettledChange {
  readonly topic: number
  readonly partition: number
  /** Nothing is known of the queue but what this says. */
  readonly isWhole?: boolean
  /** Handed out, and never before. */
  readonly out?: OffsetRanges
  /** Of those: came back as if they had not been out. */
  readonly back?: OffsetRanges
  /** Ascending offsets. One whose fields are all 0, false or null does not deviate any more. */
  readonly attempts?: readonly SettledAttempt[]
  readonly settled?: OffsetRanges
  readonly totals?: SettledTotals | null
  readonly known?: KnownEnd | null
  readonly letters?: KnownLetters | null
  /** Messages that fell due, behind those of which that is known. */
  readonly due?: readonly DueGroup[]
  readonly times?: SettledTimes | null
  /** Ascending offsets. */
  readonly updates?: readonly SettledUpdate[]
  readonly ids?: IdChange | null
  /** Of each producer once. It replaces what was known of it. */
  readonly numbers?: readonly SettledNumber[]
}

/** In the order of their numbers in files. */
export const DYING_REASONS: readonly DeadLetterReason[] = [
  'failed',
  'rejected',
  'expired',
  'timeout',
  'crashed',
  'decode',
  'maxlen',
  'delivery-limit',
]
