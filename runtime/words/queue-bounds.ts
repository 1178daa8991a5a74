/** Numbers that bound queues, for options, senders and hosts alike. Leaf, any thread. */

/** Priorities of a queue, at most. */
export const PRIORITIES_MAX = 32

/** Bytes that a message counts beside its record. */
export const MESSAGE_BYTES_BESIDE = 96

/** Bytes that a message counts beside key, value and headers, at most: a record has a header, its priority and times, and is aligned. */
export const MESSAGE_EXTRA_BYTES_MAX: number = MESSAGE_BYTES_BESIDE + 58

/** Messages that a consumer may have and not have settled, at most. */
export const PREFETCH_MAX = 1_000
