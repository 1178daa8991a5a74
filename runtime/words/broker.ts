/** A broker and its options. Types only. */

import type { BrokerEvents } from './broker-events.ts'
import type { CloseOptions, Logger, RestartOptions } from './common-options.ts'
import type { DeadLetters, DeadLettersOptions } from './dead-letter.ts'
import type { Exchange, ExchangeDefinition, ExchangeInfo, ExchangeOptions } from './exchange.ts'
import type { QueueInfo, TopicInfo } from './listing.ts'
import type { NamedProducer } from './named-producer.ts'
import type { Queue } from './queue.ts'
import type { QueueDefinition, QueueOptions } from './queue-options.ts'
import type { Schedule, ScheduleOptions, TickMessage } from './schedule.ts'
import type { Topic } from './topic.ts'
import type { TopicDefinition, TopicOptions } from './topic-definition.ts'

/**
 * A broker, made by `createBroker`. It is used on the thread that created it. Other threads of the program use one of their own, by
 * `attachBroker(broker.ticket())`; handlers publish through their context.
 */
export interface Broker {
  /**
   * Opens a topic, and creates it if it does not exist. A topic that exists is opened without options, or with its own.
   *
   * @throws MillraceError `MILL_INVALID_NAME`; `MILL_UNKNOWN_OPTION`, `MILL_INVALID_OPTION`, `MILL_OUT_OF_RANGE`;
   *   `MILL_CONFIG_MISMATCH` for other settings than the topic has, and for the name of a queue; `MILL_MEMORY` without room for it; `MILL_DISK`, `MILL_CORRUPT`;
   *   `MILL_CLOSED`
   */
  topic<V = unknown>(name: string | TopicDefinition<V>, options?: TopicOptions): Promise<Topic<V>>
  /**
   * Opens a work queue, and creates it if it does not exist. A queue that exists is opened without options, or with its own. Topics and
   * queues have one namespace.
   *
   * @throws MillraceError `MILL_INVALID_NAME`; `MILL_UNKNOWN_OPTION`, `MILL_OUT_OF_RANGE`; `MILL_INVALID_OPTION`, also for a
   *   durability on disk without a `dir`; `MILL_CONFIG_MISMATCH` for other settings than the queue has, and for the name of a topic;
   *   `MILL_MEMORY` without room for it; `MILL_DISK`, `MILL_CORRUPT`; `MILL_CLOSED`
   */
  queue<V = unknown, R = unknown>(name: string | QueueDefinition<V, R>, options?: QueueOptions): Promise<Queue<V, R>>
  /**
   * Opens an exchange, and makes it if it does not exist, which takes a `type`. An exchange that exists is opened without options, or with
   * its own. Topics, queues and exchanges have one namespace.
   *
   * @throws MillraceError `MILL_INVALID_NAME`; `MILL_UNKNOWN_OPTION`, `MILL_INVALID_OPTION`, also for one that does not exist and has no
   *   `type`; `MILL_CONFIG_MISMATCH` for other settings than the exchange has, and for the name of a topic or queue; `MILL_DISK`;
   *   `MILL_CLOSED`
   */
  exchange<V = unknown>(name: string | ExchangeDefinition<V>, options?: ExchangeOptions): Promise<Exchange<V>>
  /**
   * All exchanges, sorted by name.
   *
   * @throws MillraceError `MILL_CLOSED`
   */
  exchanges(): Promise<readonly ExchangeInfo[]>
  /**
   * All topics, sorted by name, also dead-letter topics and topics on disk that this process has not opened. `queues` lists queues.
   *
   * @throws MillraceError `MILL_CLOSED`
   */
  topics(): Promise<readonly TopicInfo[]>
  /**
   * All queues, sorted by name, also queues on disk that this process has not opened.
   *
   * @throws MillraceError `MILL_CLOSED`
   */
  queues(): Promise<readonly QueueInfo[]>
  /**
   * Opens the named producer of a topic on disk. One producer of this name and topic exists at a time, across processes.
   *
   * @throws MillraceError `MILL_INVALID_NAME`; `MILL_INVALID_OPTION` for a topic in memory or an unknown one; `MILL_LOCKED` while it is open elsewhere;
   *   `MILL_TIMEOUT` when its earlier records cannot be appended in time; `MILL_DISK`, `MILL_CLOSED`
   */
  producer<V = unknown>(name: string, topic: string | TopicDefinition<V> | Topic<V>): Promise<NamedProducer<V>>
  /**
   * Sends a message to a queue, a topic or an exchange at each tick of a schedule. A schedule of that name that exists gets what is given here. If its
   * `cron` and `timeZone`, or its `everyMs`, are the same, it goes on with its ticks.
   *
   * A broker with a `dir` keeps its schedules there. In the next process one goes on when its target is opened. Each tick is sent once,
   * also over the death of the process, to what is on disk. Schedules do not keep the process alive.
   *
   * @throws MillraceError `MILL_INVALID_NAME`; `MILL_UNKNOWN_OPTION`, `MILL_INVALID_OPTION`, `MILL_OUT_OF_RANGE`, also for a message that the target
   *   would not take; `MILL_UNSERIALISABLE`; `MILL_TOO_LARGE` for more than 64 KiB; `MILL_TOPIC_DELETED`; `MILL_DISK`, `MILL_CLOSED`;
   *   `MILL_UNSUPPORTED` on an attached thread
   */
  schedule<V = unknown>(
    name: string,
    when: ScheduleOptions,
    target:
      | string
      | Queue<V>
      | QueueDefinition<V>
      | Topic<V>
      | TopicDefinition<V>
      | Exchange<V>
      | ExchangeDefinition<V>,
    message: TickMessage<NoInfer<V>>,
  ): Promise<Schedule>
  /**
   * All schedules, sorted by name, also those that wait for their target to be opened.
   *
   * @throws MillraceError `MILL_CLOSED`; `MILL_UNSUPPORTED` on an attached thread
   */
  schedules(): readonly Schedule[]
  /**
   * A text by which other threads of this process use the broker: `attachBroker(ticket)`. It may be passed on in any way (`workerData`,
   * `postMessage`, a task of a pool), any number of times. A thread that has it can do what this broker can.
   *
   * @throws MillraceError `MILL_CLOSED`
   */
  ticket(): string
  /** The dead letters of a topic's groups, or of a queue. */
  deadLetters<V = unknown>(
    source: string | TopicDefinition<V> | Topic<V> | QueueDefinition<V> | Queue<V>,
    options?: DeadLettersOptions,
  ): DeadLetters<V>
  /**
   * Calls `listener` on this thread for each such event, and returns a function that removes the listener.
   *
   * An error thrown by the listener is an uncaught exception of the process, and a rejection is an unhandled rejection, as with an
   * `EventEmitter`. The broker continues.
   *
   * @throws MillraceError `MILL_UNKNOWN_OPTION` for an unknown event, `MILL_INVALID_OPTION` for a listener that is no function;
   *   `MILL_UNSUPPORTED` on an attached thread, for an event of the whole broker
   */
  on<E extends keyof BrokerEvents>(event: E, listener: (event: BrokerEvents[E]) => void): () => void
  /**
   * Closes the broker: accepts nothing new, waits until published records are appended, lets handlers finish, and stops all threads.
   *
   * It does not wait for records whose publish was already answered as aborted or too late. Waiting records may take three quarters
   * of `timeoutMs`, or all but 2 s of it. A handler on this thread that awaits it is answered as by `run.stop`.
   *
   * @throws MillraceError `MILL_TIMEOUT` when not all of that was done in time: the broker is closed then, too
   */
  close(options?: CloseOptions): Promise<void>
  /** Whether the broker is closed or closing. */
  readonly closed: boolean
  /** Closes the broker, as `close()` does. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Options of `attachBroker`. */
export interface AttachOptions {
  /** Logger of what happens on this thread and has no listener; default: one rate-limited line each on stderr. `false`: no lines. */
  readonly logger?: Logger | false | undefined
}

/** Options of `createBroker`. */
export interface BrokerOptions {
  /** Folder that keeps topics and groups on disk, a path or a `file:` URL; made if it does not exist. Default: none, and all topics are in memory. */
  readonly dir?: string | URL | undefined
  /** Permission bits of new folders, 0o700 to 0o777, less the umask; default 0o700. Existing folders keep theirs. */
  readonly dirMode?: number | undefined
  /** Permission bits of new files, 0o600 to 0o777, less the umask; default 0o600. Existing files keep theirs. */
  readonly fileMode?: number | undefined
  /** Upper bound of the broker's shared memory, in bytes, 4 MiB to 2 GiB - 64 KiB; default 512 MiB. It is virtual until touched. */
  readonly memoryMaxBytes?: number | undefined
  /** Number of threads that own partitions, 1 to 64; default 1, from 8 cores on 2. */
  readonly partitionThreads?: number | undefined
  /** Logger of events without a listener; default: one rate-limited line each on stderr. `false`: no lines. */
  readonly logger?: Logger | false | undefined
  /** Restarts allowed for a failing partition host within a period; one more fails the broker. */
  readonly restart?: RestartOptions | undefined
  /**
   * Number of open letters in a dead-letter topic that raises `deadLetterDepth`, 1 to 1,000,000; default 1,000. `Infinity`: never.
   * Letters that fill half of a partition in memory raise it as well.
   */
  readonly deadLetterDepth?: number | undefined
}
