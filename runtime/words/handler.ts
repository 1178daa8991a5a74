/** Handlers, and the context that they receive. Types only. */
import type { Delivery, ManualDelivery } from './delivery.ts'
import type { ExchangeDefinition, RouteOptions, RouteReceipt } from './exchange.ts'
import type { Message, Receipt } from './message.ts'
import type { QueueMessage, QueueReceipt } from './queue-message.ts'
import type { QueueDefinition } from './queue-options.ts'
import type { RequestOptions } from './queue-request.ts'
import type { RecordCursor } from './record-cursor.ts'
import type { TopicDefinition } from './topic-definition.ts'

/** The surroundings of a handler: its place, its data, and publishing. It is used on the handler's thread. Its functions may be taken out of it. */
export interface HandlerContext<D = unknown> {
  /** Topic that the group reads; the queue's name in a queue's handler. */
  readonly topic: string
  /** Group of the handler; `'queue'` in a queue's handler. */
  readonly group: string
  /** Queue of the handler's messages; null: it handles records of a topic. */
  readonly queue: string | null
  /** Partition of this handler's records; 0 for a queue. */
  readonly partition: number
  /** The run's `data`, a copy on each thread. */
  readonly data: D
  /**
   * Aborted when the run stops or fails, the broker fails, or the partition moves to another thread. In a queue's handler it is that of the message, up to its end: it is
   * aborted as well when the message is cancelled (`queue.cancel`), with `MILL_CANCELLED` as its reason, and when the sender of a request
   * waits no more, with `MILL_TIMEOUT`.
   */
  readonly signal: AbortSignal
  /**
   * Publishes a record, or sends a message to a queue. The input is acked only when this record is confirmed, awaited or not.
   *
   * @throws MillraceError as `topic.publish` and `queue.send`
   */
  publish<V>(
    target: string | TopicDefinition<V> | QueueDefinition<V>,
    message: Message<V> | QueueMessage<V>,
  ): Promise<Receipt>
  /**
   * Sends a message to a queue. The input is acked only when this message is confirmed, awaited or not. Where the input is a request, it
   * expires with the deadline of that at the latest.
   *
   * @throws MillraceError as `queue.send`; `MILL_CONFIG_MISMATCH` for the name of a topic
   */
  send<V>(queue: string | QueueDefinition<V>, message: QueueMessage<V>): Promise<QueueReceipt>
  /**
   * Publishes a message by an exchange, which must exist. The input is acked only when all targets have it, awaited or not. Where the input is
   * a request, it expires in queues with the deadline of that at the latest.
   *
   * @throws MillraceError as `exchange.publish`; `MILL_INVALID_OPTION` if there is no such exchange
   */
  route<V>(
    exchange: string | ExchangeDefinition<V>,
    routingKey: string,
    message: QueueMessage<V>,
    options?: RouteOptions,
  ): Promise<RouteReceipt>
  /**
   * Sends a request to a queue that exists, as `queue.request`. If the handler's own message is a request, this one waits no longer than the
   * sender of that. A request to the queue that this handler serves may wait for the handler itself.
   *
   * @throws MillraceError as `queue.request`
   */
  request<V, R = unknown>(
    target: string | QueueDefinition<V, R>,
    message: QueueMessage<V>,
    options?: RequestOptions,
  ): Promise<R>
}

/** A handler without state. Return or resolve: ack. Throw or reject: a failed attempt. */
export type MessageHandler<V = unknown> = (delivery: Delivery<V>, context: HandlerContext) => unknown

/** A handler with one state for each partition. `start` makes the state, which is kept until the partition moves or the run stops. */
export interface Handler<V = unknown, S = undefined, R = unknown> {
  /** Makes the partition's state, before its first delivery. It may take 60 s. */
  start?(context: HandlerContext): S | Promise<S>
  /** Handles one record, in order. Return or resolve: ack. Throw or reject: a failed attempt. */
  message(delivery: Delivery<V>, state: S, context: HandlerContext): unknown
  /** Called when the run stops, after the partition's last delivery. Its result is in the stop report. */
  stop?(state: S, context: HandlerContext): R | Promise<R>
  /**
   * Returns the present state as JSON, synchronously: a promise is refused. Needs `restore`, one record at a time, and order per
   * partition.
   *
   * The broker stores the result together with its offset. The next owner of the partition, after a crash or in another process,
   * restores it and continues at that offset. Snapshots are taken up to 40 times a second and for a tenth of the thread's time, more
   * only where something waits for them.
   */
  snapshot?(state: S): unknown
  /** Makes the state from a result of `snapshot`, instead of `start`. */
  // biome-ignore lint/suspicious/noExplicitAny: what it is has been through JSON
  restore?(snapshot: any, context: HandlerContext): S | Promise<S>
}

/** A handler that takes several records in one call; otherwise as `Handler`. */
export interface BatchHandler<V = unknown, S = undefined, R = unknown> {
  /** Makes the partition's state, before its first batch. It may take 60 s. */
  start?(context: HandlerContext): S | Promise<S>
  /**
   * Handles up to `batch.maxRecords` records, in order. Return or resolve: all unsettled records are acked. With `output`, return an
   * array with one value for each record.
   *
   * Single records are settled with `ack`, `nack`, `reject` or `release`. Throw or reject: unsettled records are retried in
   * halves, until the failing one stands alone and is charged.
   */
  batch(deliveries: readonly ManualDelivery<V>[], state: S, context: HandlerContext): unknown
  /** Called when the run stops, after the partition's last batch. Its result is in the stop report. */
  stop?(state: S, context: HandlerContext): R | Promise<R>
}

/** A handler that moves over many records in one call, without an object for each; otherwise as `Handler`. Of topics, not of queues. */
export interface RecordsHandler<V = unknown, S = undefined, R = unknown> {
  /** Makes the partition's state, before its first record. It may take 60 s. */
  start?(context: HandlerContext): S | Promise<S>
  /**
   * Handles records in order, synchronously: `while (records.next()) { … }`. A move acks the record before, and the return acks the last
   * one. Throw: the record that the cursor stands on has failed, and those before it have not.
   *
   * A record that publishes through the context is the last one of its call. A promise, or a call without `next`, fails the run.
   */
  records(records: RecordCursor<V>, state: S, context: HandlerContext): void
  /** Called when the run stops, after the partition's last record. Its result is in the stop report. */
  stop?(state: S, context: HandlerContext): R | Promise<R>
  /** As in `Handler`. It is called between calls of `records`. */
  snapshot?(state: S): unknown
  /** As in `Handler`. */
  // biome-ignore lint/suspicious/noExplicitAny: what it is has been through JSON
  restore?(snapshot: any, context: HandlerContext): S | Promise<S>
}
