/**
 * What goes into a queue's core and comes out of it, as data. Types only.
 *
 * A message is named by its offset. A hand-out of it is named by its consumer, slot and tag (claims.ts).
 */
import type { RetryBackoff } from '../base/retry-delay.ts'

/** How a queue treats its messages. */
export interface QueuePolicy {
  /** Number of priorities, 1 to 32; higher goes first. */
  readonly priorities: number
  /** Failures allowed in total; Infinity: only what is rejected is dead-lettered. */
  readonly attempts: number
  readonly backoff: RetryBackoff
  /** Whether there is somewhere to put dead letters; otherwise what would be one is dropped, counted and told. */
  readonly hasDeadLetters: boolean
  /** Messages not settled, at most; Infinity: no limit. */
  readonly maxMessages: number
  /** Their bytes, at most; Infinity: no limit. */
  readonly maxBytes: number
  /** What a message meets that has no room. To the core `wait` and `reject` are the same: it is not taken. */
  readonly onFull: 'wait' | 'reject' | 'dropHead'
  /** Whether one consumer at a time has the queue. */
  readonly singleActive: boolean
  /** Messages of one key that are out at a time, at most; Infinity: no limit. */
  readonly keyConcurrency: number
  /** With such a limit: the key whose message is oldest goes first, or keys take turns. */
  readonly keyOrder: 'fifo' | 'fair'
  /** Hand-outs within any time of `perMs`, at most; null: no limit. */
  readonly rate: QueueRate | null
  /** Messages that wait for a retry or for their dead letter; at the bound none goes out that was not out before. */
  readonly heldMax: number
  /** Hand-outs without a failure after which a message that comes back is told as looping, and at each multiple. */
  readonly loopingAfter: number
}

export interface QueueRate {
  readonly max: number
  readonly perMs: number
}

/** What the core must know of messages that are appended, beside their number; each part has a place for each message. */
export interface AppendedFields {
  /** Null: all 0. */
  readonly priorities: ArrayLike<number> | null
  /** When each is due, in `nowMs`; 0: at once. Null: all are at once. */
  readonly dueMs: ArrayLike<number> | null
  /** When each expires, in `nowMs`; 0 or Infinity: never. Null: none does. */
  readonly expiresMs: ArrayLike<number> | null
}

/** What the core asks of the log. The answers follow from the records and from updates, and change with an update only. */
export interface QueueLog {
  /** Bytes of the message, as limits and credit count them. */
  bytesOf(offset: number): number
  /** 0 to below `priorities`. */
  priorityOf(offset: number): number
  /** Unsigned hash of its key; 0: it has none. Asked only where keys are limited. */
  keyOf(offset: number): number
  /** When it is due, in `nowMs`; 0: at once. */
  dueMsOf(offset: number): number
  /** When it expires, in `nowMs`; Infinity: never. */
  expiresMsOf(offset: number): number
  /** Whether it leaves no dead letter when it expires, because its sender knows. Asked of what has expired only; left out: none does so. */
  endsQuietly?(offset: number): boolean
}

/** A message that may be handed out. */
export interface WaitingMessage {
  readonly offset: number
  readonly priority: number
}

/** What a consumer asks for. */
export interface ConsumerTerms {
  /** Consumers of a lower priority get what those of a higher one have no room for. */
  readonly priority: number
  /** Messages that it may hold, 0 (paused) to CLAIMS_MAX. */
  readonly prefetch: number
  /** Their bytes, at most, but for a larger message that it holds alone. */
  readonly prefetchBytes: number
  /** Time from the beginning of a message to its time-out, in ms; Infinity: none. */
  readonly ackTimeoutMs: number
}

export type LetterReason = 'failed' | 'rejected' | 'decode' | 'timeout' | 'crashed' | 'maxlen' | 'expired'

/** A message that goes to a consumer. */
export interface HandOut {
  readonly consumer: number
  readonly slot: number
  readonly tag: number
  readonly offset: number
  readonly priority: number
  readonly bytes: number
  /** Which hand-out of the message this is, from 1. */
  readonly deliveryAttempt: number
  readonly failedAttempts: number
  /** Messages of different cohorts are not handled in one batch; one that failed before is a batch of its own. */
  readonly cohort: number
  /** Whether it may have killed its thread before. It is all that its consumer holds. */
  readonly suspect: boolean
}

/** Messages that go to one consumer together. All but the first have one priority, and were never out. */
export interface HandOutRun {
  readonly first: HandOut
  readonly count: number
  /** Of each message, the first included: `count` places say something. */
  readonly slots: Int32Array
  readonly tags: Int32Array
  readonly offsets: Float64Array
}

/** What became of a message that was not acked. */
export type QueueEffect =
  /** It is ready again, at its old place. */
  | { readonly kind: 'returned'; readonly offset: number; readonly suspect: boolean; readonly looping: boolean }
  /** It expired, and leaves no dead letter, or there is nowhere to put one: it is gone. */
  | { readonly kind: 'expired'; readonly offset: number; readonly failedAttempts: number }
  /** It was cancelled while it was out: it is gone. */
  | { readonly kind: 'cancelled'; readonly offset: number }
  | QueueFailure

/** A message that fell due. */
export interface DueFact {
  readonly offset: number
  /** The end of the log at that moment: it goes before what was appended later. */
  readonly place: number
}

/** A message that is out, and whose time is over. */
export interface OverdueMessage {
  readonly offset: number
  /** Its hand-out. */
  readonly consumer: number
  readonly slot: number
  readonly tag: number
}

/** What has become ready at a moment. */
export interface DueMessages {
  /** Messages that had waited for a retry, each at its old place. */
  readonly retried: number
  /** Messages that fell due: the first so many of `offsets`, in this order. */
  readonly count: number
  readonly offsets: Float64Array
  /** The end of the log at that moment, behind which they stand. */
  readonly place: number
}

/** What became of a message that failed. */
export type QueueFailure =
  /** It failed, and is ready again at `dueMs`. */
  | { readonly kind: 'retrying'; readonly offset: number; readonly failedAttempts: number; readonly dueMs: number }
  /** It is to be a dead letter (`QueueCore.nextLetter`). */
  | {
      readonly kind: 'dying'
      readonly offset: number
      readonly failedAttempts: number
      readonly reason: LetterReason
    }
  /** It would be a dead letter, and there is nowhere to put one: it is gone. */
  | {
      readonly kind: 'dropped'
      readonly offset: number
      readonly failedAttempts: number
      readonly reason: LetterReason
    }

/** What a dead letter says of its message. */
export interface QueueLetter {
  readonly offset: number
  readonly reason: LetterReason
  readonly handOuts: number
  readonly failedAttempts: number
  /** First and last failure, in `wallMs`; 0: it never failed. */
  readonly firstFailureMs: number
  readonly lastFailureMs: number
}

/** What is known of a message that was handed out before and is not settled. */
export interface QueueAttempt {
  /** Hand-outs that are over. */
  readonly handOuts: number
  readonly failures: number
  readonly suspect: boolean
  /** Why it is to be a dead letter; null: it is not. */
  readonly dying: LetterReason | null
  /** First and last failure, in `wallMs`; 0: it never failed. */
  readonly firstFailureMs: number
  readonly lastFailureMs: number
  /** When its retry is due, in `nowMs`; null: it waits for none. */
  readonly dueMs: number | null
}

/** How much of an append is taken. */
export interface Admission {
  /** The first so many. */
  readonly taken: number
  readonly takenBytes: number
  /** Of those: messages that have room kept for them, which are all that are not scheduled, and their bytes. */
  readonly counted: number
  readonly countedBytes: number
  /** Why the next one was not: no room; it can never have any; or dead letters wait already, and go first. */
  readonly refused: null | 'full' | 'tooLarge' | 'letters'
  /** What must go to make room, in this order: each is a dead letter before the append, or gone. */
  readonly dropped: readonly QueueLetter[]
}

/** The end of a consumer that did not let go of what it held. */
export interface ConsumerDeath {
  readonly cause: 'crashed' | 'timeout'
  /** The hand-out that it was executing, where that is known; its tag, or 0. */
  readonly executing: number
  /** Whether its whole process died, with other consumers. Then nobody can tell which message it was. */
  readonly withProcess: boolean
}

/**
 * All messages that were ever accepted are in one of these, after each step:
 *
 * `accepted = ready + unacked + retrying + scheduled + acked + deadLettered + expired + dropped + purged + cancelled`
 *
 * Later: `duplicates`, which are not accepted.
 */
export interface QueueCounters {
  readonly accepted: number
  /** Waiting to be handed out, and those of `dying`. */
  readonly ready: number
  /** Of `ready`: those that wait for their dead letter, and are not handed out. */
  readonly dying: number
  readonly unacked: number
  readonly retrying: number
  /** Not due yet. */
  readonly scheduled: number
  readonly acked: number
  readonly deadLettered: number
  /** Expired where there is no place for dead letters. */
  readonly expired: number
  readonly dropped: number
  readonly purged: number
  readonly cancelled: number
  /** Bytes of what is ready, unacked or retrying. */
  readonly bytes: number
  /** Of what is ready and does not die, by priority. */
  readonly readyByPriority: readonly number[]
}

/** Why a message that is ready stays where it is; null: nothing but those ahead of it. */
export type QueueHold = null | 'no consumer' | 'prefetch' | 'held' | 'suspect' | 'rate' | KeyHold

/** It waits until fewer messages of its key are ready or out. */
export interface KeyHold {
  /** Hash of the key. */
  readonly key: number
  /** Offset of the message of this key that got its turn last. With one turn it is the one that is waited for. */
  readonly behind: number
}

/** Where a message is. */
export type QueueExplanation =
  /** It was never appended. */
  | { readonly state: 'unknown' }
  | { readonly state: 'settled' }
  /** It is due at `dueMs`. */
  | { readonly state: 'scheduled'; readonly dueMs: number }
  | {
      readonly state: 'ready'
      /** Messages that go before it. */
      readonly ahead: number
      /**
       * `no consumer`: there is none. `prefetch`: none has room for it. `held`: too many wait for a retry or a dead letter.
       * `suspect`: it goes alone, once a consumer holds nothing and no other suspect is out. `rate`: as many were handed out as may be.
       * A key: as many of it are ready or out as may be.
       */
      readonly blockedBy: QueueHold
      readonly handOuts: number
      readonly failedAttempts: number
    }
  | {
      readonly state: 'unacked'
      readonly consumer: number
      readonly begun: boolean
      readonly suspect: boolean
      readonly handOuts: number
      readonly failedAttempts: number
    }
  | { readonly state: 'retrying'; readonly dueMs: number; readonly handOuts: number; readonly failedAttempts: number }
  | {
      readonly state: 'dying'
      readonly reason: LetterReason
      readonly handOuts: number
      readonly failedAttempts: number
    }
