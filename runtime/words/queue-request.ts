/** Requests to queues: their options, and why one has no answer. Types only. */

/** Options of `queue.request` and of `request` in handlers. */
export interface RequestOptions {
  /** Time to the answer, in ms, 1 to 2,147,483,647; default 60,000. It is the message's deadline: beyond it nobody begins the message. */
  readonly timeoutMs?: number | undefined
  /** Ends the request when it is aborted, with `MILL_ABORTED`, and cancels its message. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Why a request has no answer. `failed`, `rejected`, `timeout`, `crashed`, `decode`: as of a dead letter, which the queue has of it. `expired`:
 * its own time to live was over. `maxlen`: a full queue dropped it. `cancelled`, `purged`: it was taken back. `duplicate`: a message with its
 * id was sent before. `reply`: it was handled, and what its handler returned cannot be sent back. `lost`: it was handled, and its answer is lost.
 */
export type RequestFailure =
  | 'failed'
  | 'rejected'
  | 'timeout'
  | 'crashed'
  | 'decode'
  | 'expired'
  | 'maxlen'
  | 'cancelled'
  | 'purged'
  | 'duplicate'
  | 'reply'
  | 'lost'
