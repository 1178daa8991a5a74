/** Options of queues and of the calls that consume from them, and definitions that senders and handlers share. Types only. */
import type { Rate, RestartOptions } from './common-options.ts'
import type { BackoffOptions, BatchOptions, DeliveryGuarantee, ResourceLimits } from './group-options.ts'
import type { CodecName, Durability } from './message.ts'

/**
 * Options of a queue. A queue that exists keeps its own: other values are `MILL_CONFIG_MISMATCH`. A queue on disk that no broker has open may
 * be given others, but for `codec`, `maxMessageBytes`, `durability` and `priorities`.
 */
export interface QueueOptions {
  /** Codec of the values; default `json`. */
  readonly codec?: CodecName | undefined
  /** Largest encoded message (key + headers + value), in bytes, 1 to 16 MiB; default 64 KiB, or what a smaller `maxBytes` has room for. */
  readonly maxMessageBytes?: number | undefined
  /**
   * Durability of the queue: of its messages, and of what became of them. `memory`; `os`: survives a death of the process; `fsync`: survives
   * a loss of power. `os` and `fsync` need a `dir`. Default: `fsync` with a `dir`, and `memory` without.
   */
  readonly durability?: Durability | undefined
  /** Number of priorities, 1 to 32; default 1. */
  readonly priorities?: number | undefined
  /** Messages that are not settled, at most, 1 to 1,000,000, or `Infinity` (default): as many as there is memory, or disk, for. */
  readonly maxMessages?: number | undefined
  /**
   * Bytes of messages that are not settled, at most, 4 KiB to 128 MiB; each message counts 112 to 154 beside key, value and headers. At
   * least a given `maxMessageBytes` + 154. Given, it is exact. Not given, a queue in memory has room for 256 KiB or two of the largest messages,
   * and for 1 MiB while little of `memoryMaxBytes` is taken. One on disk has no bound then.
   */
  readonly maxBytes?: number | undefined
  /**
   * Behaviour of `send` at a full queue: `wait` (default), `reject` with `MILL_FULL`, or `dropHead`: the oldest ready message of the lowest
   * priority becomes a dead letter, as `maxlen`, and makes room. If none is ready, the send is refused with `MILL_FULL`.
   */
  readonly onFull?: 'wait' | 'reject' | 'dropHead' | undefined
  /**
   * Time in which a consumer must get a message, in ms, at least 1, from its send or from the end of its delay; default `Infinity`. After it
   * the message becomes a dead letter, as `expired`. Messages keep the one with which they were sent.
   */
  readonly messageTtlMs?: number | undefined
  /**
   * Time in which a second message with the `id` of a first one is not taken, in ms, from when the queue took the first; default 0:
   * messages have no ids.
   */
  readonly dedupeMs?: number | undefined
  /**
   * Ids that are known, at most, 1 to 10,000,000; default 1,000,000 on disk and 100,000 in memory, where each takes 32 bytes of shared memory
   * at once. One more makes the queue forget the oldest, which `stats().forgottenIds` counts if that was before `dedupeMs`.
   */
  readonly dedupeMaxIds?: number | undefined
  /** Failures allowed for a message in total before it is dead-lettered, 1 to 1,000 or `Infinity`; default 5. */
  readonly attempts?: number | undefined
  /** Waits between the attempts. */
  readonly backoff?: BackoffOptions | undefined
  /** Name of the dead-letter topic, or `false`: what would be dead-lettered is dropped and counted. Default `<queue>.dlq`. */
  readonly deadLetter?: string | false | undefined
  /** Whether one consumer at a time has the queue, and the next one takes over when it ends; default false. */
  readonly singleActive?: boolean | undefined
  /**
   * Messages of one key that may be out at a time, 1 to 1,000,000, or `Infinity` (default): keys mean nothing. With 1 the messages of a key are
   * handled one after the other, in their order. A message without a key is not limited. One that waits for a retry counts as out: it holds
   * its key, and no other. Keys count by a hash of 32 bits: two of the same hash share what they may have.
   */
  readonly keyConcurrency?: number | undefined
  /**
   * Order among keys, with a `keyConcurrency`: `fifo` (default): the oldest message that may go does. `fair`: keys take turns, so that one
   * with many messages holds up no other. A higher priority goes first in any case.
   */
  readonly keyOrder?: 'fifo' | 'fair' | undefined
  /**
   * Limit on hand-outs, to all consumers together; default: none. Each hand-out counts, also of a message that comes again. What a consumer
   * has in advance was handed out.
   */
  readonly rate?: Rate | undefined
  /** Limit on what each sender may send; beyond it `send` waits or is refused, as `onFull` says (`dropHead`: refused). Default: none. */
  readonly sendRate?: Rate | undefined
}

/** A queue's name, options and types of values and replies, shared by senders and handlers. */
export interface QueueDefinition<V = unknown, R = unknown> {
  /** Name of the queue. */
  readonly name: string
  /** Options of the queue. */
  readonly options: QueueOptions
  /** Type of the values only; never present. */
  readonly value?: V
  /** Type of what `request` resolves with only; never present. */
  readonly reply?: R
}

/** Options of `queue.handle`. */
export interface QueueHandleOptions {
  /**
   * Messages that a consumer may have and not have settled, 1 to 1,000. Default: learnt from the handler, what it handles in about 10 ms.
   * What a consumer has not begun waits behind what it has, while others may be free.
   */
  readonly prefetch?: number | undefined
  /** Calls of the handler that may be pending at a time at each consumer, 1 to 256; default 1. */
  readonly concurrency?: number | undefined
  /** Size and wait of batches, for handlers with a `batch` function. */
  readonly batch?: BatchOptions | undefined
  /** Time limit of one delivery, in ms; default 30,000; `Infinity`: none. */
  readonly handlerTimeoutMs?: number | undefined
  /**
   * `at-least-once` (default): a message is acked after its handler. `at-most-once`: it is acked before, never comes again, and a failure is
   * only counted and told. For queues in memory: on disk it is `MILL_INVALID_OPTION`.
   */
  readonly delivery?: DeliveryGuarantee | undefined
  /** Consumers of a lower priority get what those of a higher one have no room for, -1,000 to 1,000; default 0. */
  readonly consumerPriority?: number | undefined
  /** Topic or queue for the handler's results, under the input's key. `undefined` is not published. Default: none. */
  readonly output?: string | undefined
  /** Stops the run when it is aborted. */
  readonly signal?: AbortSignal | undefined
}

/** Options of `queue.run`. */
export interface QueueRunOptions extends QueueHandleOptions {
  /** Handler's module, as a file URL or an absolute path. Its default export is a function, or an argument or result of `defineHandler`. */
  readonly handler: URL | string
  /** Number of worker threads, 1 to 256; default: cores - 1, at least 1. Each is a consumer. */
  readonly threads?: number | undefined
  /** Structured-cloneable value that handlers see as `context.data`. */
  readonly data?: unknown
  /** Memory limits of each handler thread, as for `new Worker`. */
  readonly resourceLimits?: ResourceLimits | undefined
  /** Restarts allowed without a message to charge; one more fails the run. */
  readonly restart?: RestartOptions | undefined
}

/** Options of `queue.consume`. */
export interface QueueConsumeOptions {
  /** Messages that the loop may have and not have settled, 1 to 1,000; default 100. */
  readonly prefetch?: number | undefined
  /**
   * Time from a delivery to its settlement, in ms, 1 to 2,147,483,647, or `Infinity` (default). Beyond it the message goes back with a
   * failure `timeout`. `delivery.renew()` restarts it.
   */
  readonly ackTimeoutMs?: number | undefined
  /** Consumers of a lower priority get what those of a higher one have no room for, -1,000 to 1,000; default 0. */
  readonly consumerPriority?: number | undefined
  /**
   * End of the loop: `'caught-up'` ends it when each message that was sent before its first turn is settled, or waits for its time (`delayMs`).
   * Retries are waited for, and what other consumers have. Default: it ends by `signal`, or when the broker closes.
   */
  readonly until?: 'caught-up' | undefined
  /** Ends the loop when it is aborted. */
  readonly signal?: AbortSignal | undefined
}

/** Options of `queue.observe`. */
export interface QueueObserveOptions {
  /** Unsettled deliveries at most, 1 to 1,000; default 100. */
  readonly window?: number | undefined
  /**
   * Time from a delivery to its settlement, in ms, 1 to 2,147,483,647, or `Infinity` (default). Beyond it the message goes back with a
   * failure `timeout`. `delivery.renew()` restarts it.
   */
  readonly ackTimeoutMs?: number | undefined
  /** Consumers of a lower priority get what those of a higher one have no room for, -1,000 to 1,000; default 0. */
  readonly consumerPriority?: number | undefined
  /** Ends the subscription when it is aborted. */
  readonly signal?: AbortSignal | undefined
}
