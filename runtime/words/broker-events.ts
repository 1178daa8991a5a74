/** What a broker tells without being asked (`broker.on`): types only. */

export interface BrokerEvents {
  /**
   * A publish or a flush has waited for 5 s because a group does not keep up (`group`; null: no group reads the topic); or a group stands
   * still, because its dead-letter topic (`deadLetterTopic`) is full. That is said at once where no group reads that topic,
   * since only a replay or a purge of letters makes room then, and after 5 s where one does. Once there is room it goes on.
   */
  readonly stalled: {
    readonly topic: string
    readonly partition: number
    readonly group: string | null
    readonly waitedMs: number
    readonly lagBytes: number
    /** The full topic that the group wants to write a dead letter to; null: it is not that. */
    readonly deadLetterTopic: string | null
  }
  /** A thread died and was replaced. */
  readonly restarted: {
    readonly kind: 'handler' | 'partition'
    readonly group: string | null
    readonly topic: string | null
    readonly thread: number
    readonly reason: string
    readonly restarts: number
  }
  /**
   * The process before was killed, and a group that delivers at most once on disk goes on at `to`. Of the records from `from`
   * on it is not known whether they were handed out; `records` says of how many nothing else is known either: the others
   * have failed, and are dead letters or counted. They are still in the topic: `topic.replay` reads them.
   */
  readonly passedOver: {
    readonly topic: string
    readonly partition: number
    readonly group: string
    readonly from: number
    readonly to: number
    readonly records: number
  }
  /**
   * Records of a topic in memory were dropped, oldest first, because no group reads it and its window was full: told the first time
   * at once, and then at most every 5 s of a partition. A topic that is opened with the option `groups` keeps its records for them.
   */
  readonly dropped: {
    readonly topic: string
    readonly partition: number
    /** Since it was told last. */
    readonly records: number
    /** In all. */
    readonly dropped: number
  }
  /**
   * A handler failed, and its record is tried again (or, at most once without dead letters, is gone): the first time in a group it
   * is told at once, and then at most every 5 s, of the first failure since. What is dead-lettered is told by `deadLettered`.
   */
  readonly attemptFailed: {
    readonly topic: string
    readonly partition: number
    readonly offset: number
    readonly group: string
    /** Of this record. */
    readonly failedAttempts: number
    /** Of the group, since it was told last. */
    readonly failures: number
    readonly message: string
    /** The beginning of the error's stack; null: something without one was thrown. */
    readonly stack: string | null
  }
  /**
   * All deliveries that an Observable or a stream may have in hand are out, and for 5 s none was settled: told once of each. Mostly
   * something between waits for more than there can be, or leaves deliveries out before they are settled.
   */
  readonly windowFull: {
    readonly topic: string
    readonly group: string
    readonly window: number
    readonly waitedMs: number
  }
  /** A record was moved to the dead-letter topic. */
  readonly deadLettered: {
    readonly topic: string
    readonly partition: number
    readonly offset: number
    readonly group: string
    readonly reason: DeadLetterReason
    readonly message: string
    /** The beginning of the error's stack; null: something without one was thrown. */
    readonly stack: string | null
  }
  /**
   * A dead-letter topic holds as many open letters as `deadLetterDepth` says, or they fill half of a partition of it in memory
   * (`rising`); or both are down to half of that again.
   */
  readonly deadLetterDepth: {
    readonly topic: string
    readonly depth: number
    readonly threshold: number
    readonly rising: boolean
    /** How much of its fullest partition letters take, 0 to 1; on disk they take no room that is bounded: 0. */
    readonly filled: number
  }
  /** A dead letter was not replayed because it has been replayed too often; it stays where it is. */
  readonly parked: {
    readonly topic: string
    readonly partition: number
    readonly offset: number
    readonly group: string
    readonly replayed: number
  }
  /**
   * The end of a file was half made when it was opened, as a killed process or a loss of power leaves it, and was cut off:
   * `bytes` of them from `position` on (0: the file keeps its size). Nothing that was acknowledged as `fsync` was there.
   */
  readonly recovered: {
    readonly file: string
    readonly position: number
    readonly bytes: number
    readonly reason: string
  }
  /** A group or the broker gave up. */
  readonly failed: { readonly topic: string | null; readonly group: string | null; readonly error: Error }
  /** A record handed to `tryPublish` could not be appended. */
  readonly publishFailed: {
    readonly topic: string
    readonly partition: number
    readonly count: number
    readonly error: Error
  }
}

export type DeadLetterReason = 'failed' | 'rejected' | 'expired' | 'timeout' | 'crashed' | 'decode' | 'delivery-limit'
