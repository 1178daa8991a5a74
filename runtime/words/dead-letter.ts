/** Dead letters: their contents, and the calls that manage them. Types only. */
import type { Writable } from 'node:stream'
import type { DeadLetterReason } from './broker-events.ts'
import type { Headers, Key, Message } from './message.ts'
import type { Topic } from './topic.ts'
import type { TopicDefinition } from './topic-definition.ts'

/**
 * A record that a group could not handle. Key, value and headers are the record's own and are decoded when first read.
 *
 * @throws MillraceError `MILL_DECODE` when `key`, `value` or `headers` is read and its bytes do not decode
 */
export interface DeadLetter<V = unknown> {
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
  /** Failures of the record in that group. */
  readonly failedAttempts: number
  /** Time of the first failure, in milliseconds since the epoch. */
  readonly firstFailureMs: number
  /** Time of the last failure, in milliseconds since the epoch. */
  readonly lastFailureMs: number
  /** The last failure. */
  readonly error: DeadLetterError
  /** Replays of the record before it died again. */
  readonly replayed: number
  /** Timestamp of the record as published, in milliseconds since the epoch. */
  readonly timestamp: number
  /** Key of the record as text; null: no key. */
  readonly key: string | null
  /** Key of the record as bytes, a copy; null: no key. */
  readonly keyBytes: Uint8Array | null
  /** Value of the record, decoded with the codec of its topic. */
  readonly value: V
  /** Value of the record as stored, a copy. `null` for a tombstone. */
  readonly valueBytes: Uint8Array | null
  /** Headers of the record, without those that describe its death. */
  readonly headers: Headers
  /** Place of the letter itself. */
  readonly letter: {
    /** Dead-letter topic. */
    readonly topic: string
    /** Partition of the dead-letter topic. */
    readonly partition: number
    /** Offset of the letter in that partition. */
    readonly offset: number
  }
}

/** The last failure of a dead letter, as far as it was known. Long text is cut. */
export interface DeadLetterError {
  /** Name of the error. */
  readonly name: string
  /** Message of the error. */
  readonly message: string
  /** Code of the error; null: it had none. */
  readonly code: string | null
  /** Beginning of the error's stack; null: it had none. */
  readonly stack: string | null
  /**
   * Causes of the error (`cause`), and the errors of an `AggregateError`, each followed by its own; at most five, and 4 KiB of
   * JSON.
   */
  readonly causes: readonly DeadLetterCause[]
}

/** A cause of a dead letter's error. */
export interface DeadLetterCause {
  /** Depth of the cause. 1: cause of the error itself; 2: cause of the last entry of level 1 before it, and so on. */
  readonly level: number
  /** Name of the error. */
  readonly name: string
  /** Message of the error. */
  readonly message: string
  /** Code of the error; null: it had none. */
  readonly code: string | null
}

/** A selection of dead letters. All given conditions must hold. `{}`: all letters that exist now. */
export interface DeadLetterFilter {
  /** Group of the letters. */
  readonly group?: string | undefined
  /** Reason of the letters, or several reasons. */
  readonly reason?: DeadLetterReason | readonly DeadLetterReason[] | undefined
  /** Earliest time of the last failure: a Date, or milliseconds since the epoch. */
  readonly since?: Date | number | undefined
  /** Time before which the last failure was: a Date, or milliseconds since the epoch. */
  readonly until?: Date | number | undefined
  /** Key of the records. */
  readonly key?: Key | undefined
  /**
   * Text that the error's name, message or code contains, or a RegExp that one of them matches.
   *
   * A RegExp runs on this thread, on text that came with records. A RegExp that backtracks without a bound, such as `/^(a+)+$/`,
   * can block the thread for ever.
   */
  readonly error?: string | RegExp | undefined
  /** Number of letters at most, 1 or more; default: no limit. */
  readonly limit?: number | undefined
}

/** A filter, or letters that were browsed before. */
export type DeadLetterSelection<V = unknown> = DeadLetterFilter | DeadLetter<V> | readonly DeadLetter<V>[]

/** Options of `broker.deadLetters`. */
export interface DeadLettersOptions {
  /** Group whose letters are meant; default: all groups of the topic. */
  readonly group?: string | undefined
}

/** Options of `deadLetters.replay`. */
export interface ReplayOptions<V = unknown> {
  /** Topic to publish to; default: the record's own topic, in the same partition. */
  readonly to?: string | TopicDefinition | Topic | undefined
  /** Returns a changed message; fields that it omits stay as they were. `null`: leave this letter. */
  readonly edit?:
    | ((letter: DeadLetter<V>) => Partial<Message<V>> | null | Promise<Partial<Message<V>> | null>)
    | undefined
  /** Replays after which a letter is left and reported as parked, 1 to 1,000,000; default 16. */
  readonly replaysMax?: number | undefined
  /** Stops the replay after the letters on their way. Confirmed letters are settled, the rest stay. */
  readonly signal?: AbortSignal | undefined
  /** Time that one letter may wait for room in the topic, in ms; default 60,000; `Infinity`: no limit. */
  readonly timeoutMs?: number | undefined
}

/** The result of a replay. */
export interface ReplayReport {
  /** Letters that were published, confirmed, and taken out of the dead letters. */
  readonly replayed: number
  /** Letters that stay because `edit` returned null. */
  readonly skipped: number
  /** Letters that stay because they were replayed too often. */
  readonly parked: number
}

/** Counts of dead letters. */
export interface DeadLetterStats {
  /** Open letters of all listed topics: not replayed, not purged, and not settled by all groups that read the dead-letter topic. */
  readonly depth: number
  /** Dead-letter topics of these letters, each with its open letters. */
  readonly topics: readonly {
    /** Dead-letter topic. */
    readonly topic: string
    /** Open letters in that topic. */
    readonly depth: number
  }[]
}

/**
 * The dead letters of a topic, on the thread that made the broker.
 *
 * Letters of a topic on disk outlive the process. Letters that were replayed or purged do not return, however the process ended. Only
 * a loss of power may bring back letters that were replayed or purged in the second before it.
 *
 * All calls reject or throw `MILL_UNKNOWN_OPTION`, `MILL_INVALID_OPTION` or `MILL_OUT_OF_RANGE` for a bad selection or option, and
 * `MILL_CLOSED` after the broker's end.
 */
export interface DeadLetters<V = unknown> {
  /** Topic whose dead letters these are. */
  readonly topic: string
  /** Counts the open letters that match. */
  count(filter?: DeadLetterFilter): Promise<number>
  /** Iterates over the letters that exist at the first turn, topic by topic and partition by partition, oldest first. */
  browse(filter?: DeadLetterFilter): AsyncIterableIterator<DeadLetter<V>>
  /**
   * Publishes letters again and takes them out. It can be called again after it was stopped or failed.
   *
   * @throws MillraceError `MILL_ABORTED` by the signal; `MILL_TIMEOUT` or `MILL_FULL` when the topic has no room; any error of `edit`
   */
  replay(selection: DeadLetterSelection<V>, options?: ReplayOptions<V>): Promise<ReplayReport>
  /** Deletes letters, and returns their number. */
  purge(selection: DeadLetterSelection<V>): Promise<number>
  /** One line of JSON with its line end for each letter; `parseDeadLetter` reads them. Changes nothing. */
  export(filter?: DeadLetterFilter): AsyncIterableIterator<string>
  /** Writes the same lines into a stream, which stays open, and returns their number. */
  exportTo(stream: Writable, filter?: DeadLetterFilter): Promise<number>
  /** Counts the open letters of each dead-letter topic. */
  stats(): Promise<DeadLetterStats>
}
