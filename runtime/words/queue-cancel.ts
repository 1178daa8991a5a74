/** Cancelling a message of a queue. Types only. */

/** Options of `queue.cancel`. */
export interface CancelOptions {
  /**
   * Time that a handler has to end after its signal was aborted, in ms, from 0 to 2,147,483,647; default 1,000. Then the thread of a handler
   * of `run` is ended.
   */
  readonly graceMs?: number | undefined
}

/**
 * What became of the message.
 *
 * `cancelled`: it is not handled any more, and counts as cancelled. `unacked`: a consumer on the caller's thread still has it, or it is on its
 * way to a consumer; it is cancelled when it is let go of, unless it is acked. `settled`: it was acked, or had ended before. `dying`: it waits
 * for its dead letter. `unknown`: the queue never had it.
 */
export type CancelOutcome = 'cancelled' | 'unacked' | 'settled' | 'dying' | 'unknown'
