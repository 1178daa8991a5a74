/** Work queues as callers see them: sending, consuming, and counts. Types only. */
import type { Observable } from 'rxjs'
import type { PublishOptions } from './message.ts'
import type { CancelOptions, CancelOutcome } from './queue-cancel.ts'
import type { ManualQueueDelivery } from './queue-delivery.ts'
import type { QueueBatchHandler, QueueHandler, QueueMessageHandler } from './queue-handler.ts'
import type { QueueBatchReceipt, QueueMessage, QueueReceipt } from './queue-message.ts'
import type { QueueConsumeOptions, QueueHandleOptions, QueueObserveOptions, QueueRunOptions } from './queue-options.ts'
import type { RequestOptions } from './queue-request.ts'
import type { QueueRun } from './queue-run.ts'
import type { QueueStats } from './queue-stats.ts'
import type { MessageChange, UpdateOutcome } from './queue-update.ts'
import type { BrowseFilter, QueuedMessage, QueueExplanation } from './queued-message.ts'

/**
 * A work queue, on the thread that created the broker: each message goes to one consumer, which settles it. After its deletion calls but
 * `delete` fail with `MILL_TOPIC_DELETED`.
 *
 * Messages of a higher priority go first, and those of one priority in the order in which they were sent. One that comes back has its
 * old place. Consumers of all kinds share the messages; a consumer that is busy gets none.
 *
 * All calls that consume check their options: `MILL_UNKNOWN_OPTION`, `MILL_INVALID_OPTION`, `MILL_OUT_OF_RANGE`. They fail with `MILL_MEMORY`
 * without room for a consumer, `MILL_ABORTED` by their signal, and `MILL_CLOSED`.
 */
export interface Queue<V = unknown, R = unknown> {
  /** Name of the queue. */
  readonly name: string
  /**
   * Sends one message. Resolves when the queue has it.
   *
   * @throws MillraceError `MILL_UNKNOWN_OPTION`, `MILL_INVALID_OPTION`, `MILL_OUT_OF_RANGE`, `MILL_UNSERIALISABLE`, `MILL_TOO_LARGE` for
   *   the message; `MILL_FULL` with `refused`; `MILL_TIMEOUT`, `MILL_ABORTED`; `MILL_MEMORY` without memory for a larger ring;
   *   `MILL_CLOSED`
   */
  send(message: QueueMessage<V>, options?: PublishOptions): Promise<QueueReceipt>
  /**
   * Sends one message without a promise. `false`: there is no room on the way to the queue, and nothing was taken.
   *
   * If a message that was taken is refused by a full queue, `publishFailed` is raised, and `flush` rejects: those that wait then, or the
   * next one.
   *
   * @throws MillraceError `MILL_UNKNOWN_OPTION`, `MILL_INVALID_OPTION`, `MILL_OUT_OF_RANGE`, `MILL_UNSERIALISABLE`, `MILL_TOO_LARGE`,
   *   `MILL_CLOSED`
   */
  trySend(message: QueueMessage<V>): boolean
  /**
   * Sends many messages, in order. It is not atomic.
   *
   * @throws MillraceError `MILL_UNPUBLISHED`: its `unpublished` lists the messages that the queue does not have, `unknown` those that
   *   were on their way and may be there; `cause` is an error as of `send`
   */
  sendBatch(messages: readonly QueueMessage<V>[], options?: PublishOptions): Promise<QueueBatchReceipt>
  /**
   * Sends one message, and resolves with what its handler returned: bytes as a `Uint8Array`, all else by way of JSON. Failed attempts are
   * tried again meanwhile.
   *
   * `timeoutMs` is the deadline of the message. Beyond it nobody begins the message, and the `signal` of its handler is aborted. A message that
   * nobody waits for any more leaves no dead letter. The answer may be as large as a message of the queue.
   *
   * @throws MillraceError `MILL_TIMEOUT`, `MILL_ABORTED` when it waits no more; `MILL_REQUEST_FAILED` with a `reason` when the message ended
   *   without an answer; `MILL_FULL` also when 65,536 requests of this thread wait; `MILL_TOPIC_DELETED`; and as `send`
   */
  request(message: QueueMessage<V>, options?: RequestOptions): Promise<R>
  /** Resolves when the queue has all that this thread sent so far. Rejects when a message that `trySend` took was refused. */
  flush(): Promise<void>
  /**
   * Handles messages on worker threads. Resolves when the threads have loaded the handler.
   *
   * @throws MillraceError `MILL_HANDLER` for a handler that cannot be used, such as one with `snapshot`; `MILL_UNSERIALISABLE` for `data`
   *   that no thread can read
   */
  run<R = unknown>(options: QueueRunOptions): Promise<QueueRun<R>>
  /**
   * Handles messages with a function on this thread, with the same retries and dead letters.
   *
   * @throws MillraceError `MILL_HANDLER` for a handler that cannot be used, such as one with `snapshot`
   */
  handle<R = unknown>(handler: QueueMessageHandler<V>, options?: QueueHandleOptions): Promise<QueueRun<R>>
  /** The same with a state for each consumer. `start` makes the state, and its result gives the type. */
  handle<R = unknown, S = undefined>(handler: QueueHandler<V, S, R>, options?: QueueHandleOptions): Promise<QueueRun<R>>
  /** The same with batches of messages. */
  handle<R = unknown, S = undefined>(
    handler: QueueBatchHandler<V, S, R>,
    options?: QueueHandleOptions,
  ): Promise<QueueRun<R>>
  /** The same for a handler of any of these kinds. */
  handle<R = unknown>(
    handler: QueueMessageHandler<V> | QueueHandler<V, unknown, R> | QueueBatchHandler<V, unknown, R>,
    options?: QueueHandleOptions,
  ): Promise<QueueRun<R>>
  /**
   * Async iterable of deliveries. The next turn acks the last delivery, and leaving the loop releases the current one.
   *
   * A `throw` also leaves the loop, and no loop can tell it from a `break`. Handle each delivery by `attempt` to have failures counted.
   *
   * @throws MillraceError `MILL_FULL` when 256 calls of `next` wait already; also any error with which the consumer fails
   */
  consume(options?: QueueConsumeOptions): AsyncIterableIterator<ManualQueueDelivery<V>>
  /** Observable of deliveries. Each settlement returns one credit of `window`. */
  observe(options?: QueueObserveOptions): Observable<ManualQueueDelivery<V>>
  /**
   * Takes a message back that waits, or that a consumer has in advance: it is not handled any more. Resolves with what became of it.
   *
   * Where its handler has begun, `context.signal` is aborted, or the `signal` of the delivery, with `MILL_CANCELLED` as its reason. A handler
   * that returns nevertheless has handled the message. However else it ends, the message is cancelled. One that has not ended after `graceMs`
   * loses its thread, if it runs on a handler thread; nothing else on that thread is charged. On the caller's thread it goes on, and the
   * result is `unacked`. A message on disk stays cancelled after the death of the process.
   *
   * @throws MillraceError `MILL_INVALID_OPTION`, `MILL_UNKNOWN_OPTION`, `MILL_OUT_OF_RANGE` for `id` and options; `MILL_DISK`
   */
  cancel(id: string, options?: CancelOptions): Promise<CancelOutcome>
  /**
   * Changes a message that waits, for its time or a retry as well, or that a consumer has in advance: its priority, its delay, its time to
   * live. Resolves with what became of it. On disk the change is written when this resolves, and survives the death of the process. Its
   * deliveries have the priority with which it was sent.
   *
   * @throws MillraceError `MILL_INVALID_OPTION`, `MILL_UNKNOWN_OPTION`, `MILL_OUT_OF_RANGE` for `id` and change; `MILL_FULL` when as many messages
   *   that are not settled were updated as the queue can keep, 1,023 at most in memory and 65,536 on disk; `MILL_DISK`
   */
  update(id: string, change: MessageChange): Promise<UpdateOutcome>
  /**
   * Says where a message is, and why it is not handed out. For people: it looks through what consumers have.
   *
   * @throws MillraceError `MILL_INVALID_OPTION` for an `id` that is no string
   */
  explain(id: string): Promise<QueueExplanation>
  /**
   * The messages that are not settled, by the order in which they were sent. It takes none of them. Messages that come later are not seen.
   *
   * @throws MillraceError `MILL_UNKNOWN_OPTION`, `MILL_INVALID_OPTION` for the filter
   */
  browse(filter?: BrowseFilter): AsyncIterableIterator<QueuedMessage<V>>
  /**
   * Takes back all that waits for a consumer or for a retry when it is called. Resolves with the number of messages. What consumers have and
   * what waits for its dead letter stays.
   *
   * @throws MillraceError `MILL_DISK`
   */
  purge(): Promise<number>
  /** Counts of the queue: ready, unacked, acked and dead-lettered messages, consumers, and more. */
  stats(): Promise<QueueStats>
  /**
   * Deletes the queue, its messages and its shared memory.
   *
   * Later sends fail with `MILL_TOPIC_DELETED`, on every thread. The name may be used again. The dead-letter topic that was made for it is
   * deleted as well, if it has no letter and no other user. Resolves also when the queue was deleted before.
   *
   * @throws MillraceError `MILL_GROUP_BUSY` while it has a consumer, or a run has its output there;
   *   `MILL_UNSUPPORTED` on an attached thread
   */
  delete(): Promise<void>
}
