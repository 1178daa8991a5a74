/** A broker, and what it is made with. Types only. */

import type { BrokerEvents } from './broker-events.ts'
import type { CloseOptions, Logger, RestartOptions } from './common-options.ts'
import type { DeadLetters, DeadLettersOptions } from './dead-letter.ts'
import type { TopicInfo } from './listing.ts'
import type { NamedProducer } from './named-producer.ts'
import type { Topic } from './topic.ts'
import type { TopicDefinition, TopicOptions } from './topic-definition.ts'

export interface Broker {
  /** Opens a topic, creating it if it does not exist. */
  topic<V = unknown>(name: string | TopicDefinition<V>, options?: TopicOptions): Promise<Topic<V>>
  /** All topics there are, also those on disk that nobody has opened in this process, and dead-letter topics; sorted by name. */
  topics(): Promise<readonly TopicInfo[]>
  /** A producer of a topic on disk, of which there is one with this name, in all processes. */
  producer<V = unknown>(name: string, topic: string | TopicDefinition<V> | Topic<V>): Promise<NamedProducer<V>>
  /** The dead letters that groups of this topic left behind. */
  deadLetters<V = unknown>(topic: string | TopicDefinition<V> | Topic<V>, options?: DeadLettersOptions): DeadLetters<V>
  /**
   * Calls `listener` on this thread for each such event; what it returns removes the listener. What it throws is an uncaught
   * exception of the process, and what it rejects an unhandled rejection, as with an `EventEmitter`; the broker goes on.
   */
  on<E extends keyof BrokerEvents>(event: E, listener: (event: BrokerEvents[E]) => void): () => void
  /**
   * Takes nothing new, waits until what was published is appended (not for what was answered already, as aborted or as too late),
   * lets handlers finish, and stops all threads. The records may take three quarters of `timeoutMs`, or all but 2 s of it. A handler
   * on this thread that awaits it is answered as by `run.stop`.
   *
   * @throws MillraceError `MILL_TIMEOUT` when not all of that was done in time: the broker is closed then, too
   */
  close(options?: CloseOptions): Promise<void>
  readonly closed: boolean
  [Symbol.asyncDispose](): Promise<void>
}

export interface BrokerOptions {
  /** Folder that keeps topics and groups on disk, made if it does not exist; default: none, and all is in memory. */
  readonly dir?: string | undefined
  /** Permission bits of folders that are made, 0o700 to 0o777; default 0o700. What exists keeps its own; the umask holds. */
  readonly dirMode?: number | undefined
  /** Permission bits of files that are made, 0o600 to 0o777; default 0o600: only the owner reads records. The umask holds. */
  readonly fileMode?: number | undefined
  /** Upper bound of the shared memory of this broker, in bytes (virtual until touched); default 512 MiB. */
  readonly memoryMaxBytes?: number | undefined
  /** Threads that own partitions; default 1 (2 from 8 cores on). */
  readonly partitionThreads?: number | undefined
  /** Where events are told that nobody listens to; default: one rate-limited line each on stderr. `false`: nowhere. */
  readonly logger?: Logger | false | undefined
  /** Restarts of a broken thread of ours that are allowed within a period, before it is given up. */
  readonly restart?: RestartOptions | undefined
  /**
   * Open letters in a dead-letter topic at which `deadLetterDepth` is raised, 1 or more; default 1,000. It is raised as well when
   * they fill half of a partition in memory. `Infinity`: never.
   */
  readonly deadLetterDepth?: number | undefined
}
