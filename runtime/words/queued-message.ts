/** Messages of a queue as who looks into it sees them: where each is, and why. Types only. */
import type { DeadLetterReason } from './broker-events.ts'
import type { Headers, Key } from './message.ts'

/** Where a message of a queue is, and why it is there. */
export type QueueExplanation =
  | {
      /** The queue never had a message of this name. */
      readonly state: 'unknown'
    }
  | {
      /** Acked, dead-lettered, expired, dropped, purged or cancelled: the queue does not keep which. */
      readonly state: 'settled'
    }
  | ScheduledMessage
  | ReadyMessage
  | UnackedMessage
  | RetryingMessage
  | DyingMessage

/** A message that is not due yet. */
export interface ScheduledMessage {
  /** Where the message is. */
  readonly state: 'scheduled'
  /** When it is due. */
  readonly at: Date
}

/** How often a message was handed out and how often it failed. */
export interface MessageCounts {
  /** Hand-outs of the message, one that is not over included. */
  readonly deliveryAttempts: number
  /** Those that failed. */
  readonly failedAttempts: number
}

/** A message that waits for a consumer. */
export interface ReadyMessage extends MessageCounts {
  /** Where the message is. */
  readonly state: 'ready'
  /** Messages that go before it. */
  readonly ahead: number
  /**
   * Why it would wait even if none were ahead of it; null: for no reason.
   *
   * `no consumer`: the queue has none. `paused`: all of them are paused. `prefetch`: all of them have what they may have. `retries`: 1,024
   * messages wait for a retry or for their dead letter, and until one of those ends none goes that was never handed out. `suspect`: its
   * thread or process died with it; it goes alone, once a consumer has nothing else. `rate`: as many were handed out as the queue's `rate`
   * allows. `{ key, id }`: as many messages of its key are ready or out as `keyConcurrency` allows, and this one was the last to get a turn.
   */
  readonly blockedBy: null | 'no consumer' | 'paused' | 'prefetch' | 'retries' | 'suspect' | 'rate' | MessageAhead
}

/** A message that goes before another one of its key. */
export interface MessageAhead {
  /** Key of the message, as text. Another key with the same 32-bit hash counts as the same. */
  readonly key: string
  /** Name of the message. */
  readonly id: string
}

/** A message that a consumer has. */
export interface UnackedMessage extends MessageCounts {
  /** Where the message is. */
  readonly state: 'unacked'
  /** Number of the consumer's thread in this broker: 1 is the one that created it. */
  readonly thread: number
  /** Whether its handler was called; otherwise the consumer has it in advance. */
  readonly begun: boolean
}

/** A message that failed and waits for its next attempt. */
export interface RetryingMessage extends MessageCounts {
  /** Where the message is. */
  readonly state: 'retrying'
  /** When it is ready again. */
  readonly at: Date
}

/** A message that waits for room in the dead-letter topic. */
export interface DyingMessage extends MessageCounts {
  /** Where the message is. */
  readonly state: 'dying'
  /** Why it is to be a dead letter. */
  readonly reason: DeadLetterReason
}

/**
 * A message that was in a queue when it was looked at. Key, value and headers are copies, and are decoded when first read.
 *
 * @throws MillraceError `MILL_DECODE` when `key`, `value` or `headers` is read and its bytes do not decode
 */
export interface QueuedMessage<V = unknown> {
  /** Queue of the message. */
  readonly queue: string
  /** Name of the message, as in its receipt. */
  readonly id: string
  /** Where it was. */
  readonly explanation: ScheduledMessage | ReadyMessage | UnackedMessage | RetryingMessage | DyingMessage
  /** Priority of the message. */
  readonly priority: number
  /** Time at which it was sent, in milliseconds since the epoch. */
  readonly timestamp: number
  /** Key of the message as text; null: no key. */
  readonly key: string | null
  /** Key of the message as bytes; null: no key. */
  readonly keyBytes: Uint8Array | null
  /** Value of the message. */
  readonly value: V
  /** Value of the message as stored; null: no value. */
  readonly valueBytes: Uint8Array | null
  /** Headers of the message. */
  readonly headers: Headers
}

/** Which messages to browse; default: all that are not settled. */
export interface BrowseFilter {
  /** Only those in this state. */
  readonly state?: QueuedMessage['explanation']['state'] | undefined
  /** Only those with this key. */
  readonly key?: Key | undefined
}
