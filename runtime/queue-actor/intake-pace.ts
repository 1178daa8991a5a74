/**
 * How much a queue on disk takes in a pass: less than its consumers settle in one, while more waits than its window keeps.
 *
 * Pure; the partition host's thread. What waits in the window is handed out from there. A sender that is faster than the host would push
 * it out, and each message would be written and then read. This is done for consumers that settle many messages between two appends.
 * Slower ones find their messages in the window or not, and hold up no sender. Nor does a queue without consumers.
 *
 * Bound: an append is never less than PACED_BYTES for this.
 */

/** What an append has, at most. */
const APPEND_BYTES = 262_144
/** Consumers that settle many messages are handed more than this in a pass. */
const PACED_BYTES = 32_768
/** Messages settled between two appends. */
const MANY = 128
/** The number of the last two counts by so much: threads have the processors in turn. */
const WEIGHT = 1 / 64

/** What a queue has. */
export interface QueueLoad {
  /** Messages that are not settled, and their bytes. */
  readonly messages: number
  readonly bytes: number
  /** Of the messages, those that could be handed out. */
  readonly ready: number
}

export class IntakePace {
  /** Messages that were not settled after the last append; null: there was none, whatever a process before had appended. */
  #messages: number | null = null
  /** What is settled between two appends, in the mean. */
  #settled = 0

  /** So much was not settled just before an append, and so much is after it. */
  appended(before: number, after: number): void {
    if (this.#messages !== null) this.#settled += (this.#messages - before - this.#settled) * WEIGHT
    this.#messages = after
  }

  /** Bytes of the next append, at most, for a window of this size; Infinity: as many as there are. */
  roomBytes({ messages, bytes, ready }: QueueLoad, windowBytes: number): number {
    if (this.#settled < MANY) return Number.POSITIVE_INFINITY
    // The next append may be a large one.
    const keptBytes = Math.max(APPEND_BYTES, windowBytes - APPEND_BYTES)
    return (bytes / messages) * ready > keptBytes ? PACED_BYTES : Number.POSITIVE_INFINITY
  }
}
