/** What is asked of a work queue about its messages: to look at them, and to take them back. Types only. */
import type { DeadLetterReason } from '../words/broker-events.ts'
import type { CursorId, Epoch, Offset } from '../words/quantities.ts'

/** Where a message is. Times are in ms since the epoch. */
export type MessageSight =
  | { readonly state: 'unknown' }
  | { readonly state: 'settled' }
  | { readonly state: 'scheduled'; readonly dueMs: number }
  | (MessageAttempts & (WaitingSight | HeldSight))

/** How often it was handed out, and how often it failed. */
export interface MessageAttempts {
  readonly deliveryAttempts: number
  readonly failedAttempts: number
}

export interface WaitingSight {
  readonly state: 'ready'
  /** Messages that go before it. */
  readonly ahead: number
  /** Why it stays where it is even if none were ahead of it; null: nothing. */
  readonly blockedBy: MessageHold
}

export type HeldSight =
  | { readonly state: 'unacked'; readonly thread: number; readonly begun: boolean }
  | { readonly state: 'retrying'; readonly dueMs: number }
  | { readonly state: 'dying'; readonly reason: DeadLetterReason }

export type MessageHold = null | 'no consumer' | 'paused' | 'prefetch' | 'retries' | 'suspect' | 'rate' | KeySight

/** A message of its key goes first. */
export interface KeySight {
  /** Of that message, a copy. */
  readonly key: Uint8Array
  readonly behind: Offset
}

/** A message with its bytes. */
export interface SeenMessage {
  readonly offset: Offset
  readonly sight: MessageSight
  /** As its sender gave it; null: it gave none. */
  readonly id: string | null
  readonly priority: number
  readonly timestamp: number
  /** Of its record (record.ts). */
  readonly attributes: number
  /** Each a copy; null: it has none. */
  readonly key: Uint8Array | null
  readonly headers: Uint8Array | null
  readonly value: Uint8Array | null
}

/** What became of a message that is to be cancelled. `passing`: it is about to begin or has just ended, which the next answer says. */
export type CancelAnswer = 'cancelled' | 'passing' | 'dying' | 'settled' | 'unknown' | BegunMessage

/** What became of a message that is to be updated. */
export type UpdateAnswer = 'updated' | 'unacked' | 'dying' | 'settled' | 'unknown'

/** What is to be different of a message; null: nothing. */
export interface AskedUpdate {
  readonly priority: number | null
  /** When it is due, in `nowMs`; a moment that has come: at once. */
  readonly dueMs: number | null
  /** How long it lives from the end of its delay on, in ms; Infinity: for ever. */
  readonly livesMs: number | null
}

/** A message that a consumer has begun, by the consumer and its name there. */
export interface BegunMessage {
  readonly cursor: CursorId
  readonly epoch: Epoch
  readonly tag: number
}

/** Some messages that are not settled, in their order; `next`: where to go on; null: there are no more. */
export interface MessagePage {
  readonly messages: readonly SeenMessage[]
  readonly next: Offset | null
}

/** How many were taken back, of those looked at; `next`: where to go on; null: there are no more. */
export interface PurgedPart {
  readonly purged: number
  readonly next: Offset | null
}

/** Each with its answer. What they take back is written down when they answer. @throws MillraceError MILL_DISK, MILL_TOPIC_DELETED */
export interface QueueAsks {
  /** Where the log of the queue ends now. */
  end(): Offset
  /** Offset of the message that brought the id with this hash; null: it is not known. */
  find(hash: Uint8Array): Offset | null
  explain(offset: Offset): MessageSight
  /** Takes back a message that waits, or that a consumer has in advance. One that has begun is cancelled unless it is acked. */
  cancel(offset: Offset): CancelAnswer
  /** Changes a message that waits, or that a consumer has in advance. It is written down when this answers. @throws MillraceError MILL_FULL */
  update(offset: Offset, update: AskedUpdate): UpdateAnswer
  /** The messages from an offset on and below another one. */
  browse(from: Offset, to: Offset): MessagePage
  /** Takes back what waits of those. */
  purge(from: Offset, to: Offset): PurgedPart
}

export type AskQueue = <K extends keyof QueueAsks>(
  queue: number,
  ask: K,
  asked: Parameters<QueueAsks[K]>,
) => Promise<ReturnType<QueueAsks[K]>>
