/** Handlers of queues. Types only. */
import type { HandlerContext } from './handler.ts'
import type { ManualQueueDelivery, QueueDelivery } from './queue-delivery.ts'

/** A handler of messages, without state. Return or resolve: ack. Throw or reject: a failed attempt. */
export type QueueMessageHandler<V = unknown> = (delivery: QueueDelivery<V>, context: HandlerContext) => unknown

/** A handler of messages with one state for each consumer. `start` makes the state, which is kept until the run stops or the thread ends. */
export interface QueueHandler<V = unknown, S = undefined, R = unknown> {
  /** Makes the consumer's state, before its first delivery. It may take 60 s. */
  start?(context: HandlerContext): S | Promise<S>
  /** Handles one message. Return or resolve: ack. Throw or reject: a failed attempt. */
  message(delivery: QueueDelivery<V>, state: S, context: HandlerContext): unknown
  /** Called when the run stops, after the consumer's last delivery. Its result is in the stop report. */
  stop?(state: S, context: HandlerContext): R | Promise<R>
}

/** A handler that takes several messages in one call; otherwise as `QueueHandler`. */
export interface QueueBatchHandler<V = unknown, S = undefined, R = unknown> {
  /** Makes the consumer's state, before its first batch. It may take 60 s. */
  start?(context: HandlerContext): S | Promise<S>
  /**
   * Handles up to `batch.maxRecords` messages, in order. Return or resolve: all unsettled messages are acked. With `output`, return an
   * array with one value for each message.
   *
   * Single messages are settled with `ack`, `nack`, `reject` or `release`. Throw or reject: unsettled messages are retried in halves, until
   * the failing one stands alone and is charged.
   */
  batch(deliveries: readonly ManualQueueDelivery<V>[], state: S, context: HandlerContext): unknown
  /** Called when the run stops, after the consumer's last batch. Its result is in the stop report. */
  stop?(state: S, context: HandlerContext): R | Promise<R>
}
