/** The public vocabulary of dead letters: what is kept of a record that died, and what can be done with it. Types only. */
import type { Writable } from 'node:stream'
import type { DeadLetterReason } from './broker-events.ts'
import type { Headers, Key, Message } from './message.ts'
import type { Topic } from './topic.ts'
import type { TopicDefinition } from './topic-definition.ts'

/** A record that a group could not handle. Key, value and headers are the record's own and are decoded when first read. */
export interface DeadLetter<V = unknown> {
  /** Where the record was. */
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Whose dead letter it is. */
  readonly group: string
  readonly reason: DeadLetterReason
  readonly failedAttempts: number
  /** Milliseconds since the epoch. */
  readonly firstFailureMs: number
  readonly lastFailureMs: number
  readonly error: DeadLetterError
  /** How often the record had been replayed before it died again. */
  readonly replayed: number
  /** Milliseconds since the epoch, as published. */
  readonly timestamp: number
  readonly key: string | null
  readonly keyBytes: Uint8Array | null
  /** Decoded with the codec of the topic that the record was in. */
  readonly value: V
  /** The value as stored. `null` for a tombstone. */
  readonly valueBytes: Uint8Array | null
  /** Without those that say why it died. */
  readonly headers: Headers
  /** Where the letter itself is. */
  readonly letter: { readonly topic: string; readonly partition: number; readonly offset: number }
}

/** The last failure, as far as it was known; long text is cut. */
export interface DeadLetterError {
  readonly name: string
  readonly message: string
  readonly code: string | null
  readonly stack: string | null
  /**
   * What it was caused by (`cause`), and the errors of an `AggregateError`, each followed by its own; at most five, and 4 KiB of
   * JSON.
   */
  readonly causes: readonly DeadLetterCause[]
}

export interface DeadLetterCause {
  /** 1: of the error itself; 2: of the last one of level 1 before it, and so on. */
  readonly level: number
  readonly name: string
  readonly message: string
  readonly code: string | null
}

/** Which letters; every condition given must hold. `{}`: all that are there now. */
export interface DeadLetterFilter {
  readonly group?: string | undefined
  readonly reason?: DeadLetterReason | readonly DeadLetterReason[] | undefined
  /** Last failure at this time or later: a Date, or milliseconds since the epoch. */
  readonly since?: Date | number | undefined
  /** Last failure before this time. */
  readonly until?: Date | number | undefined
  readonly key?: Key | undefined
  /**
   * Text that the error's name, message or code contains, or a RegExp that one of them matches. A RegExp runs on this thread, on
   * text that came with records: one that backtracks without a bound, such as `/^(a+)+$/`, can hold the thread up for ever.
   */
  readonly error?: string | RegExp | undefined
  /** This many at most, 1 or more; default: no limit. */
  readonly limit?: number | undefined
}

/** A filter, or letters that were browsed before. */
export type DeadLetterSelection<V = unknown> = DeadLetterFilter | DeadLetter<V> | readonly DeadLetter<V>[]

export interface DeadLettersOptions {
  /** Only the letters of this group; default: those of every group of the topic. */
  readonly group?: string | undefined
}

export interface ReplayOptions<V = unknown> {
  /** Topic to publish to; default: where the record came from, in the same partition. */
  readonly to?: string | TopicDefinition | Topic | undefined
  /** Returns what to publish instead; what the result leaves out stays as it was. `null`: leave this letter where it is. */
  readonly edit?:
    | ((letter: DeadLetter<V>) => Partial<Message<V>> | null | Promise<Partial<Message<V>> | null>)
    | undefined
  /** Letters replayed this often before are left where they are and reported as parked, 1 to 1,000,000; default 16. */
  readonly replaysMax?: number | undefined
  /** Stops after the letters under way: what is confirmed is settled, the rest stays. */
  readonly signal?: AbortSignal | undefined
  /** How long one letter may wait for room in the topic, in ms; default 60,000; `Infinity`: for ever. */
  readonly timeoutMs?: number | undefined
}

export interface ReplayReport {
  /** Published, confirmed, and taken out of the dead letters. */
  readonly replayed: number
  /** Left where they are because `edit` returned null. */
  readonly skipped: number
  /** Left where they are because they were replayed too often. */
  readonly parked: number
}

export interface DeadLetterStats {
  /** Letters that wait, of all topics whose letters are kept together with these: not replayed, not purged, and, where
   * groups read the dead-letter topic, not settled by all of them. */
  readonly depth: number
  readonly topics: readonly { readonly topic: string; readonly depth: number }[]
}

/**
 * The dead letters of a topic: look at them, send them back, throw them away. On the thread that made the broker.
 *
 * Of a topic on disk they are there again when the folder is opened next, and what was replayed or purged is not, however
 * the process ended. Only a loss of power may bring back letters that were replayed or purged in the second before it.
 */
export interface DeadLetters<V = unknown> {
  readonly topic: string
  count(filter?: DeadLetterFilter): Promise<number>
  /** Those that are there at the first turn, topic by topic and partition by partition, oldest first. Changes nothing. */
  browse(filter?: DeadLetterFilter): AsyncIterableIterator<DeadLetter<V>>
  /** Publishes letters again and takes them out. Can be called again after it was stopped or failed. */
  replay(selection: DeadLetterSelection<V>, options?: ReplayOptions<V>): Promise<ReplayReport>
  /** Throws letters away; returns how many. */
  purge(selection: DeadLetterSelection<V>): Promise<number>
  /** One line of JSON for each letter, with its line end; `parseDeadLetter` reads them. Changes nothing. */
  export(filter?: DeadLetterFilter): AsyncIterableIterator<string>
  /** The same lines into a stream, which stays open; returns how many. */
  exportTo(stream: Writable, filter?: DeadLetterFilter): Promise<number>
  stats(): Promise<DeadLetterStats>
}
