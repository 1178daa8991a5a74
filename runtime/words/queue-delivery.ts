/** The deliveries that consumers of a queue receive. Types only. */
import type { Delivery, ManualDelivery } from './delivery.ts'

/** Options of `nack` on a queue's delivery. */
export interface NackOptions {
  /**
   * Time until the message's next attempt, in ms, of any length, in place of the queue's `backoff`. It keeps its place. While 1,024 messages
   * wait for their next attempt, no other message is handed out.
   */
  readonly delayMs?: number | undefined
}

/** A message handed to a consumer: its `topic` is the queue's name, its `partition` 0, and its `offset` its number in the queue. */
export interface QueueDelivery<V = unknown> extends Delivery<V> {
  /** Queue of the message. */
  readonly queue: string
  /** Name of the message, as in its receipt. */
  readonly id: string
  /** Priority of the message. */
  readonly priority: number
  /**
   * Moment from which the message is not worth the work any more; null: there is none. It is the end of its time to live, or of the time that
   * the sender of a request waits.
   */
  readonly deadline: Date | null
}

/**
 * A message that the consumer settles itself, once.
 *
 * @throws MillraceError `MILL_SETTLED` for a second settlement, or one after its time-out or the end of the batch; `MILL_CLOSED` for one after
 *   the end of the subscription. Neither changes anything.
 */
export interface ManualQueueDelivery<V = unknown> extends QueueDelivery<V>, ManualDelivery<V> {
  /** Acknowledges the message: it is done, and is gone from the queue. The sender of a request gets `undefined`. */
  ack(): void
  /** Acknowledges the message, and answers it if it is a request (`queue.request`): its sender gets this value. */
  reply(value?: unknown): void
  /**
   * Reports a failed attempt: the message is retried after the backoff, or after `delayMs`, or dead-lettered.
   *
   * @throws MillraceError also `MILL_UNKNOWN_OPTION`, `MILL_INVALID_OPTION`, `MILL_OUT_OF_RANGE`: the message is not settled then
   */
  nack(error?: unknown, options?: NackOptions): void
  /** Moves the message to the dead-letter topic at once. */
  reject(reason?: unknown): void
  /** Hands the message back to its place in the queue, without a failure. It is delivered again. */
  release(): void
  /** Restarts the time of `ackTimeoutMs`. */
  renew(): void
  /**
   * Resolves when the settlement is as durable as the queue: no death of the process, and with `fsync` no loss of power, makes it undone.
   * Looking at it costs a call to the queue, and a write to its disk; deliveries that are confirmed together share both. In a queue in memory
   * it resolves when the queue knows of the settlement.
   *
   * @throws MillraceError `MILL_DISK`; `MILL_SETTLED` or `MILL_CLOSED` where the queue took the message back
   */
  readonly confirmed: Promise<void>
  /**
   * Aborted when the message is cancelled (`queue.cancel`), with `MILL_CANCELLED` as its reason, and when the sender of a request waits no
   * more, with `MILL_TIMEOUT`.
   */
  readonly signal: AbortSignal
  /** Whether the delivery is settled, or lost because its time was over. */
  readonly settled: boolean
}
