/** Numbers that bound queues, for options, senders and hosts alike. Leaf, any thread. */

/** Priorities of a queue, at most. */
export const PRIORITIES_MAX = 32

/** Bytes that a message counts beside key, value and headers. */
export const MESSAGE_BYTES_BESIDE = 96

/** Messages that a consumer may have and not have settled, at most. */
export const PREFETCH_MAX = 1_000
