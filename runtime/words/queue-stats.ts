/** Counts of queues. Types only. */

/**
 * Counts of a queue since it was made. Each accepted message is in one of these: `accepted = ready + unacked + retrying + scheduled +
 * acked + deadLettered + expired + dropped + purged + cancelled`.
 */
export interface QueueStats {
  /** Name of the queue. */
  readonly queue: string
  /** Messages that the queue has taken. */
  readonly accepted: number
  /** Messages that wait for a consumer, or for room for their dead letter. */
  readonly ready: number
  /** Of those that wait for a consumer, how many of each priority; 0 is the first. */
  readonly readyByPriority: readonly number[]
  /** Messages that consumers have and have not settled. */
  readonly unacked: number
  /** Messages that failed and wait for their next attempt. */
  readonly retrying: number
  /** Messages whose delay is not over. They count in neither `maxMessages` nor `maxBytes`. */
  readonly scheduled: number
  /** Messages acked. */
  readonly acked: number
  /** Messages moved to the dead-letter topic. */
  readonly deadLettered: number
  /** Messages whose time to live was over, without a dead letter, because the queue has `deadLetter: false`. */
  readonly expired: number
  /** Messages given up without a dead letter, because the queue has `deadLetter: false`. */
  readonly dropped: number
  /** Messages taken back by `purge`. */
  readonly purged: number
  /** Messages taken back by `cancel`. */
  readonly cancelled: number
  /** Bytes of what is ready, unacked or retrying; each message counts 112 to 154 beside key, value and headers. */
  readonly bytes: number
  /** Messages that were not taken, because the queue had one with their `id`. After the death of a process it may be a few too few. */
  readonly duplicates: number
  /** Ids that the queue forgot before `dedupeMs` was over, because there were more than `dedupeMaxIds`. */
  readonly forgottenIds: number
  /** Consumers: one for each thread of a `run`, and for each `handle`, `consume` and `observe`. */
  readonly consumers: number
  /** Open dead letters of this queue: not replayed, not purged, not settled by the groups of their topic. */
  readonly deadLetterDepth: number
  /**
   * Whether messages wait for a dead-letter topic that does not accept a letter. Where that topic is full, a replay or a purge of letters
   * (`broker.deadLetters`) lets the queue continue by itself.
   */
  readonly waitsForDeadLetters: boolean
  /** Failed attempts of all messages. */
  readonly failures: number
  /** Handler threads that died and were replaced. */
  readonly restarts: number
}
