/** Numbers that bound queues, for options, senders and hosts alike. Leaf, any thread. */

/** Priorities of a queue, at most. */
export const PRIORITIES_MAX = 32

/** Bytes that a message counts beside its record. */
export const MESSAGE_BYTES_BESIDE = 96

/** Bytes that a message counts beside key, value and headers, at most: a record has a header, its priority and times, and is aligned. */
export const MESSAGE_EXTRA_BYTES_MAX: number = MESSAGE_BYTES_BESIDE + 58

/** Bytes of an id in UTF-8, at most. */
export const MESSAGE_ID_BYTES_MAX = 256

/** Bytes that a message with an id counts more, at most: the id and its hash. */
export const MESSAGE_ID_EXTRA_BYTES_MAX: number = 24 + MESSAGE_ID_BYTES_MAX

/** Messages that a consumer may have and not have settled, at most. */
export const PREFETCH_MAX = 1_000
