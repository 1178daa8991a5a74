/**
 * What is between an attached thread and a partition host besides the record rings: two rings, and two lists of hints.
 *
 * ```
 * to the thread   0 i32 length 32   4 i32 kind
 *   RECEIPT       8 ring   12 ringEnd   16 baseOffset low   20 high   24 status (bits 0-3), errno   28 more
 *                 more: appended frames behind it in the ring, whose records follow its own without a gap
 *   GONE          8 topic  12 to 28 0: it was deleted
 *   VERDICT       8 member 12 epoch     16 offset low       20 high   24 action (bits 0-3), failedAttempts   28 delayMs
 * to the host     0 i32 length      4 i32 kind (SETTLE)
 *   settlement    8 member 12 epoch     16 offset low       20 high   24 how   28 deliveryAttempt   32 f64 delayMs
 *                 40 error, JSON in UTF-8
 *                 of a queue's consumer: `member` is its own, and the tag of its claim stands for deliveryAttempt; 0: acked before.
 *                 `delayMs`: what it asks for in place of the backoff; -1: nothing, as of all others.
 *                 `halved`: a batch failed as a whole, and the error is a JSON array of its tags
 *                 `replied`: an ack of a request, with its answer; both ways of that are in answers.ts
 *                 `late`: of a request whose deadline was over before it was handled
 * hints to the thread   a cursor: there is more to read for it
 * hints to the host     a ring: a frame was published in it, or it was closed; or, as -1 - cursor: its reader asks for a higher ceiling
 * ```
 *
 * Hints say where to look (`sharedarraybuffer-ring`), so that neither end looks at all that it has. They come after what they
 * point to, and before the bell.
 *
 * Leaf, any thread. The host never waits for a thread. It takes frames and settlements from a thread only while that
 * thread's ring has room for the answer. A thread that does not read is therefore not served, and nothing is dropped.
 */

export const LINK_RING_BYTES = 65_536
/** Hints that one end may be behind before it looks at everything. */
export const LINK_HINTS = 256
export const TO_THREAD_BYTES = 32
export const SETTLEMENT_BYTES = 40
/** Where its delay is. */
export const SETTLEMENT_DELAY = 32
/** Room for one settlement's error; longer ones were cut when they became wire errors. */
export const SETTLEMENT_ERROR_MAX = 16_384

export const KIND_RECEIPT = 1
export const KIND_VERDICT = 2
export const KIND_SETTLE = 3
export const KIND_GONE = 4
export const KIND_ANSWER = 5

export const RECEIPT_APPENDED = 0
/** The partition is full, and its topic does not let records wait. */
export const RECEIPT_REFUSED = 1
/** The disk failed, and the frame may or may not be on it. The upper bits of the status have the cause (DISK_ERRNOS). */
export const RECEIPT_FAILED = 2
/** The message is there already: a frame of the same id came before, and its offset is the receipt's. */
export const RECEIPT_DUPLICATE = 3
/** Its publish goes to other partitions as well, and one of those did not take it: so this one has not, either. */
export const RECEIPT_WITHHELD = 4
/** Stands for an errno where nothing was written because the folder is another broker's, or gone. */
export const LOCK_LOST = 'LOCK_LOST'
/** Codes by the number that a receipt has room for; 0: any other. */
export const DISK_ERRNOS: readonly (string | undefined)[] = [
  undefined,
  'ENOSPC',
  'EIO',
  'EDQUOT',
  'EFBIG',
  'EROFS',
  'EACCES',
  'EMFILE',
  'ENFILE',
  'ENOENT',
  'EPERM',
  'ENODEV',
  'EBADF',
  LOCK_LOST,
]

/** How a delivery ended, when not by a plain ack. */
export const SETTLE = { failed: 1, rejected: 2, timeout: 3, decode: 4, halved: 5, replied: 6, late: 7 } as const
export type SettleHow = keyof typeof SETTLE
/** Of one message that failed. */
export type FailHow = Exclude<SettleHow, 'halved' | 'replied' | 'late'>

/** Decision of the group. */
export const VERDICT = { retry: 1, skip: 2 } as const
