/** What handlers are, and what they are given: types only. */
import type { Delivery, ManualDelivery } from './delivery.ts'
import type { Message, Receipt } from './message.ts'
import type { TopicDefinition } from './topic-definition.ts'

/** What a handler may use besides its delivery. */
export interface HandlerContext<D = unknown> {
  readonly topic: string
  readonly group: string
  readonly partition: number
  /** The run's `data`. */
  readonly data: D
  /** Aborted when the run stops or the partition moves to another thread. */
  readonly signal: AbortSignal
  /** Publishes; the input is acked only when this is confirmed, awaited or not. */
  publish<V>(topic: string | TopicDefinition<V>, message: Message<V>): Promise<Receipt>
}

export type MessageHandler<V = unknown> = (delivery: Delivery<V>, context: HandlerContext) => unknown

/** A handler: one state per partition, made by `start` and kept until the partition moves or the run stops. */
export interface Handler<V = unknown, S = undefined, R = unknown> {
  /** Makes the partition's state, before its first delivery. */
  start?(context: HandlerContext): S | Promise<S>
  /** Called for each record in order. Return or resolve: ack. Throw or reject: a failed attempt. */
  message(delivery: Delivery<V>, state: S, context: HandlerContext): unknown
  /** Called when the run stops, after the partition's last delivery; what it returns is in the stop report. */
  stop?(state: S, context: HandlerContext): R | Promise<R>
  /**
   * What the state is like now, as JSON, said at once: a promise is refused. It is kept together with the offset up to which it counts, up to forty times a second
   * and for a tenth of the thread's time, more only where something waits for it: whoever takes the partition over, after a crash
   * or in another process, restores it and reads on from there. Needs `restore`, one record at a time, and order per partition.
   */
  snapshot?(state: S): unknown
  /** Makes the state again of what `snapshot` returned, instead of `start`. */
  // biome-ignore lint/suspicious/noExplicitAny: what it is has been through JSON
  restore?(snapshot: any, context: HandlerContext): S | Promise<S>
}

/** A handler that takes several records at a time; otherwise as `Handler`. */
export interface BatchHandler<V = unknown, S = undefined, R = unknown> {
  start?(context: HandlerContext): S | Promise<S>
  /**
   * Called with up to `batch.maxRecords` records, in order. Return or resolve: all that are not settled are acked; settle
   * single ones with `ack`, `nack`, `reject` or `release`. Throw or reject: those that are not settled are tried again in
   * halves, until the one that fails stands alone, and is charged. With `output`, an array with one value for each.
   */
  batch(deliveries: readonly ManualDelivery<V>[], state: S, context: HandlerContext): unknown
  stop?(state: S, context: HandlerContext): R | Promise<R>
}
