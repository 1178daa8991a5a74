/** The events of a broker (`broker.on`). Types only. */

/**
 * The payload of each event, by the event's name. Listeners are called on the thread that created the broker.
 *
 * Where an event concerns a work queue, `topic` and `queue` are the queue's name, `group` is `'queue'`, and `partition` is 0. Events of
 * streams have no `queue`.
 */
export interface BrokerEvents {
  /**
   * A publish or a flush has waited for 5 s, or a group stands still because its dead-letter topic is full.
   *
   * The second case is raised at once where no group reads the dead-letter topic, since only a replay or a purge makes room then.
   * Where a group reads it, the event is raised after 5 s. The group continues by itself once there is room.
   */
  readonly stalled: {
    /** Topic that is full, or whose group stands still. */
    readonly topic: string
    /** Partition of that topic. */
    readonly partition: number
    /** Group that holds the partition; null: no group reads the topic. */
    readonly group: string | null
    /** Time that the publish, flush or group has waited, in ms. */
    readonly waitedMs: number
    /** Bytes of the window that the group has not settled. */
    readonly lagBytes: number
    /** Full dead-letter topic that the group needs to write to; null: the cause is another. */
    readonly deadLetterTopic: string | null
    /** Name of the queue; missing: a stream's event. */
    readonly queue?: string
  }
  /** A thread died and was replaced. */
  readonly restarted: {
    /** Kind of the thread: it ran handlers, or it owned partitions. */
    readonly kind: 'handler' | 'partition'
    /** Group of a handler thread; null for a partition host. */
    readonly group: string | null
    /** Topic of a handler thread; null for a partition host. */
    readonly topic: string | null
    /** Number of the thread among the threads of its run or broker, from 0. */
    readonly thread: number
    /** Cause of the death, as text. */
    readonly reason: string
    /** Restarts so far, of all threads of the run, or of this partition host. */
    readonly restarts: number
    /** Name of the queue; missing: a stream's event. */
    readonly queue?: string
  }
  /**
   * The earlier process was killed, and an at-most-once group on disk continues at `to`.
   *
   * The broker cannot tell whether the records from `from` on were handed out. They are still in the topic: `topic.replay` reads
   * them.
   */
  readonly passedOver: {
    /** Topic of the records. */
    readonly topic: string
    /** Partition of the records. */
    readonly partition: number
    /** Group that passed them over. */
    readonly group: string
    /** Offset of the first record in doubt. */
    readonly from: number
    /** Offset at which the group continues. */
    readonly to: number
    /** Number of records without any other trace; the rest of the range failed, and is dead-lettered or counted. */
    readonly records: number
  }
  /**
   * A topic in memory dropped its oldest records, because no group reads it and its window was full.
   *
   * The first drop is reported at once, later ones of a partition every 5 s at most. Open the topic with the option `groups` to
   * keep its records.
   */
  readonly dropped: {
    /** Topic that drops records. */
    readonly topic: string
    /** Partition of the records. */
    readonly partition: number
    /** Records dropped since the last report. */
    readonly records: number
    /** Records dropped in all. */
    readonly dropped: number
  }
  /**
   * A handler failed, and its record is retried (or, at most once without dead letters, is gone).
   *
   * The first failure in a group is reported at once, later ones every 5 s at most, with the first failure since the last report.
   * `deadLettered` reports the last failure of a record.
   */
  readonly attemptFailed: {
    /** Topic of the record. */
    readonly topic: string
    /** Partition of the record. */
    readonly partition: number
    /** Offset of the record. */
    readonly offset: number
    /** Group whose handler failed. */
    readonly group: string
    /** Failures of this record so far. */
    readonly failedAttempts: number
    /** Failures in the group since the last report. */
    readonly failures: number
    /** Message of the error. */
    readonly message: string
    /** Beginning of the error's stack; null: the thrown value has none. */
    readonly stack: string | null
    /** Name of the queue; missing: a stream's event. */
    readonly queue?: string
  }
  /**
   * An Observable or a stream has handed out its whole window, and for 5 s no delivery was settled. Reported once for each.
   *
   * Usually an operator waits for more deliveries than the window holds, or drops deliveries before they are settled.
   */
  readonly windowFull: {
    /** Topic of the group. */
    readonly topic: string
    /** Group that reads. */
    readonly group: string
    /** Size of the window, in deliveries. */
    readonly window: number
    /** Time since the last settlement, in ms. */
    readonly waitedMs: number
    /** Name of the queue; missing: a stream's event. */
    readonly queue?: string
  }
  /**
   * A loop over `consume` was left, by `break`, `return` or `throw`, with deliveries that were not settled. They come again, and no failure
   * is counted. Reported for each group or queue every 5 s at most, with the first such loop.
   */
  readonly loopLeft: {
    /** Topic of the group. */
    readonly topic: string
    /** Group that reads. */
    readonly group: string
    /** Deliveries that come again. */
    readonly deliveries: number
    /** Name of the queue; missing: a stream's event. */
    readonly queue?: string
  }
  /**
   * A run or a subscription is open, all that it has is settled, and for 10 s nothing but the broker has kept the process alive. Reported
   * once, on the main thread only, and not where the process listens to SIGINT or SIGTERM or has schedules. Mostly `close` was forgotten.
   */
  readonly lingering: {
    /** Topic of one of the open runs. */
    readonly topic: string
    /** Group of that run. */
    readonly group: string
    /** Open runs and subscriptions. */
    readonly runs: number
    /** Name of its queue; missing: it is a stream's. */
    readonly queue?: string
  }
  /**
   * A message of a queue was handed out 100 times, or a multiple of that, since it failed last, and came back each time. Consumers release
   * it, or end while they have it.
   */
  readonly looping: {
    /** Queue of the message. */
    readonly queue: string
    /** Id of the message. */
    readonly id: string
    /** Hand-outs so far. */
    readonly deliveryAttempts: number
    /** Failures so far. */
    readonly failedAttempts: number
  }
  /** A record was moved to the dead-letter topic. */
  readonly deadLettered: {
    /** Topic of the record. */
    readonly topic: string
    /** Partition of the record. */
    readonly partition: number
    /** Offset of the record. */
    readonly offset: number
    /** Group that gave the record up. */
    readonly group: string
    /** Kind of the last failure. */
    readonly reason: DeadLetterReason
    /** Message of the last error. */
    readonly message: string
    /** Beginning of the error's stack; null: the thrown value has none. */
    readonly stack: string | null
    /** Name of the queue; missing: a stream's event. */
    readonly queue?: string
  }
  /**
   * A dead-letter topic has reached `deadLetterDepth`, or its letters fill half of one of its partitions in memory (`rising`). Raised
   * again with `rising: false` when both have fallen to half of that.
   */
  readonly deadLetterDepth: {
    /** Dead-letter topic. */
    readonly topic: string
    /** Open letters in the topic. */
    readonly depth: number
    /** The broker option `deadLetterDepth`. */
    readonly threshold: number
    /** True when a limit was reached, false when the topic is below half of it. */
    readonly rising: boolean
    /** Share of its fullest partition that letters take, 0 to 1; 0 on disk, where letters have no bound. */
    readonly filled: number
  }
  /** A dead letter was not replayed because it has been replayed too often; it stays a dead letter. */
  readonly parked: {
    /** Topic of the record. */
    readonly topic: string
    /** Partition of the record. */
    readonly partition: number
    /** Offset of the record. */
    readonly offset: number
    /** Group of the letter. */
    readonly group: string
    /** Replays of the record so far. */
    readonly replayed: number
  }
  /**
   * Opening a file cut off its incomplete end, as a killed process or a loss of power leaves it. That end holds nothing that was
   * acknowledged as `fsync`.
   */
  readonly recovered: {
    /** Path of the file. */
    readonly file: string
    /** Byte from which the file was incomplete. */
    readonly position: number
    /** Bytes that were cut off; 0: the file keeps its size. */
    readonly bytes: number
    /** What was wrong there, as text. */
    readonly reason: string
  }
  /** Ticks of a schedule sent no message. */
  readonly ticksUnsent: {
    /** Name of the schedule. */
    readonly schedule: string
    /**
     * Cause: `missed`, nothing ran when they were due, and `missed` of the schedule says so. `overlap`, the message before is not settled.
     * `refused`, the target did not take the message.
     */
    readonly reason: 'missed' | 'overlap' | 'refused'
    /** Number of ticks; more than 1,000 are told as 1,000. */
    readonly ticks: number
    /** The first of them. */
    readonly first: Date
    /** The last of them. */
    readonly last: Date
    /** Why the target did not take the message; null: another reason. */
    readonly error: Error | null
  }
  /** A schedule cannot go on. */
  readonly scheduleFailed: {
    /** Name of the schedule. */
    readonly schedule: string
    /** Cause. `MILL_TOPIC_DELETED`: its target was deleted, and the schedule with it. */
    readonly error: Error
    /** Whether it is tried again, every 5 s. False: not before the broker is opened again. */
    readonly retries: boolean
  }
  /** A run or the broker gave up. */
  readonly failed: {
    /** Topic of the run; null: the broker. */
    readonly topic: string | null
    /** Group of the run; null: the broker. */
    readonly group: string | null
    /** Cause. */
    readonly error: Error
  }
  /** A record that `tryPublish` had taken could not be appended. */
  readonly publishFailed: {
    /** Topic of the record. */
    readonly topic: string
    /** Partition of the record. */
    readonly partition: number
    /** Number of lost records. */
    readonly count: number
    /** Cause. */
    readonly error: Error
  }
}

/**
 * Kind of the failure that dead-lettered a record.
 *
 * `failed`: the handler threw or rejected, or the delivery was nacked. `rejected`: by `RejectError` or `reject`. `timeout`: the handler
 * exceeded `handlerTimeoutMs`, or the delivery `ackTimeoutMs`. `crashed`: the thread died. `decode`: the bytes do not fit the codec.
 * `maxlen`: a full queue with `onFull: 'dropHead'` made room. `expired`: no consumer got it within its time to live. `delivery-limit` is
 * reserved for queues.
 */
export type DeadLetterReason =
  | 'failed'
  | 'rejected'
  | 'expired'
  | 'timeout'
  | 'crashed'
  | 'decode'
  | 'maxlen'
  | 'delivery-limit'
