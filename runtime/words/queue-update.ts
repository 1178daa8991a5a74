/** Changing a message of a queue that waits. Types only. */

/** What is to be different of a message: at least one thing. A field of another name is `MILL_UNKNOWN_OPTION`. */
export interface MessageChange {
  /** New priority, 0 to the queue's `priorities` - 1. The message keeps its place among those of one priority. */
  readonly priority?: number | undefined
  /**
   * Time from now in which no consumer gets the message, in ms, of any length. Then it goes behind all that the queue has. 0 ends a delay. One
   * that waits for a retry is tried again at that time, and keeps its place.
   */
  readonly delayMs?: number | undefined
  /** Moment before which no consumer gets the message, in place of `delayMs`. One that has passed ends a delay. */
  readonly deliverAt?: Date | undefined
  /**
   * Time in which a consumer must get the message, in ms, at least 1, from now or from the end of its delay; `Infinity`: no limit of its own. The
   * queue's `messageTtlMs` counts as well: the shorter of the two. Without it a new delay leaves the message as much time as it had.
   */
  readonly ttlMs?: number | undefined
}

/**
 * What became of the message.
 *
 * `updated`: it is different from now on. `unacked`: a consumer has begun it, or it is on its way to a consumer; nothing has changed.
 * `settled`: it was acked, or had ended before. `dying`: it waits for its dead letter. `unknown`: the queue never had it.
 */
export type UpdateOutcome = 'updated' | 'unacked' | 'settled' | 'dying' | 'unknown'
