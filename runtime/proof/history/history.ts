/**
 * What was seen to happen in a broker, in the order in which it was seen: what checkers judge.
 *
 * Types, and one builder. Each message carries a name of its own (`id`), so that it is known again wherever it turns
 * up. Nothing here knows who recorded it: a simulation, or threads that wrote it into shared memory.
 */

import type { Rate } from '../../words/common-options.ts'
import type { Durability } from '../../words/message.ts'
import type { UpdateEvent } from './update-event.ts'

/** How a send ended: appended for certain, not appended for certain, or nobody knows. */
export type Outcome = 'ok' | 'fail' | 'info'

/** A record's place. */
export interface Place {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export type HistoryEvent =
  /** A producer was told to send a message; events of one producer are in the order of its calls. */
  | {
      readonly kind: 'sent'
      readonly producer: string
      readonly topic: string
      readonly id: string
      readonly key: string | null
      /** Of a message to a queue. */
      readonly priority?: number
      /** By which its queue knows it; left out: by none. */
      readonly messageId?: string
      /** Of a message to a queue: it is not due before, and expires until; on the clock of `atMs`. */
      readonly dueMs?: number
      readonly expiresMs?: number
      /** When, on a clock that only goes forward. */
      readonly atMs?: number
    }
  /** What it heard of it; the place, where that is known. */
  | {
      readonly kind: 'answered'
      readonly topic: string
      readonly id: string
      readonly outcome: Outcome
      readonly partition?: number
      readonly offset?: number
      /** It failed because a message of its id is there, at this offset. */
      readonly duplicateOf?: number
      /** When, on a clock that only goes forward. */
      readonly atMs?: number
    }
  /** A consumer took a partition over. Its name is new with each takeover. */
  | {
      readonly kind: 'began'
      readonly group: string
      readonly topic: string
      readonly partition: number
      readonly consumer: string
      /** The offsets that are in the state which it goes on from; it keeps one. */
      readonly state?: readonly number[]
    }
  | ({
      readonly kind: 'delivered'
      readonly group: string
      readonly consumer: string
      readonly id: string
      readonly key: string | null
      readonly deliveryAttempt: number
      readonly failedAttempts: number
      /** When, on a clock that only goes forward. */
      readonly atMs?: number
    } & Place)
  /** The consumer was done with it: it was handled, failed, or was handed back. */
  | ({
      readonly kind: 'settled'
      readonly group: string
      readonly consumer: string
      readonly how: 'handled' | 'failed' | 'rejected' | 'decode' | 'released'
      /** The place in the delivery's life to which it belongs. */
      readonly deliveryAttempt: number
      /** What it put out may be refused, and it has failed then. */
      readonly mayFail?: boolean
      /** When, on a clock that only goes forward. */
      readonly atMs?: number
    } & Place)
  /** What a consumer of a queue was told: its settlement is as durable as the queue is. */
  | ({
      readonly kind: 'confirmed'
      readonly consumer: string
      readonly how: 'handled' | 'failed' | 'rejected' | 'released'
    } & Place)
  /** The consumer's thread was told to end, or ended: what it had in hand may be charged with that. */
  | {
      readonly kind: 'ended'
      readonly consumer: string
      /** What was on its thread's stack for certain, be it another consumer's: exactly this is to be charged. */
      readonly executing?: Place & { readonly group: string }
      /** It had ended by itself, and was told to before that was seen: it may or may not be charged. */
      readonly unseen?: boolean
      /** What it may have been handed without a word of it, as its thread ended before it could say so. */
      readonly unsaid?: readonly (Place & { readonly group: string })[]
    }
  /** What the consumer had in hand took longer than it may. */
  | ({
      readonly kind: 'overdue'
      readonly group: string
      readonly consumer: string
      readonly deliveryAttempt: number
    } & Place)
  /** One record of the log, as a reader who takes everything in order read it. */
  | ({ readonly kind: 'read'; readonly reader: string; readonly id: string; readonly key: string | null } & Place)
  /** A dead letter: where it is, and what it says of where it came from. */
  | ({
      readonly kind: 'letter'
      readonly id: string
      readonly key: string | null
      readonly group: string
      readonly source: Place
      readonly reason: string
      readonly failedAttempts: number
      /** How often it has been replayed. */
      readonly replayed: number
      /** A loss of power has taken it since. */
      readonly isLost?: boolean
    } & Place)
  /** What the broker says is settled. */
  | {
      readonly kind: 'committed'
      readonly group: string
      readonly topic: string
      readonly partition: number
      readonly offset: number
      /** When, on a clock that only goes forward. */
      readonly atMs?: number
    }
  /**
   * The process has ended: in good order, by itself alone, or with the power. `isWhole`: its broker was closed, and no
   * operation of its disk had failed.
   */
  | {
      readonly kind: 'died'
      readonly how: 'closed' | 'killed' | 'power'
      readonly isWhole: boolean
      readonly atMs: number
    }
  /** The topic has more partitions, from this one on. */
  | { readonly kind: 'grown'; readonly topic: string; readonly from: number }
  /** Another process has the folder, and finds these offsets of a partition in it. */
  | {
      readonly kind: 'reopened'
      readonly topic: string
      readonly partition: number
      readonly start: number
      readonly end: number
    }
  /** An operation of the disk has failed: what this process does from now on may not be there for the next thread. */
  | { readonly kind: 'diskFailed' }
  /** A consumer with several partitions begins to leave its group: others may be given what it has. */
  | { readonly kind: 'leaving'; readonly group: string; readonly consumer: string }
  /** The consumer was asked to stop, and has, in good order: what it had in hand is over. */
  | { readonly kind: 'stopped'; readonly group: string; readonly consumer: string }
  /** Records that a group which delivers at most once says it has passed over; `to` is not one of them. */
  | {
      readonly kind: 'passedOver'
      readonly group: string
      readonly topic: string
      readonly partition: number
      readonly from: number
      readonly to: number
    }
  /** What a queue says of itself. `isAtRest`: nothing was on its way, and nothing is any more. */
  | (QueueCounts & {
      readonly kind: 'counted'
      readonly topic: string
      readonly isAtRest: boolean
      /** Whether messages wait for a dead-letter topic that is full. */
      readonly waitsForDeadLetters?: boolean
    })
  /** A queue is no more, with all that was sent to it and all its consumers, or its deletion was refused, because it had one. */
  | { readonly kind: 'deleted' | 'deletionRefused'; readonly topic: string }
  | UpdateEvent
  /** So many consumers a queue may have, threads that are to start or to end included. */
  | { readonly kind: 'consuming'; readonly topic: string; readonly consumers: number }
  /** A group is moved, and forgets what failed before. */
  | { readonly kind: 'sought'; readonly group: string; readonly topic: string; readonly partition: number }
  | { readonly kind: 'logStart'; readonly topic: string; readonly partition: number; readonly offset: number }

/** What a queue counts. */
export interface QueueCounts {
  readonly accepted: number
  readonly ready: number
  readonly unacked: number
  readonly retrying: number
  readonly scheduled: number
  readonly acked: number
  readonly deadLettered: number
  readonly expired: number
  readonly dropped: number
  /** Consumers that it hands messages to. */
  readonly consumers: number
}

/** A queue as it was set up; its group has the same name. */
export interface QueueFacts {
  readonly queue: string
  readonly maxMessages: number
  readonly onFull: 'wait' | 'reject' | 'dropHead'
  readonly attempts: number
  readonly deadLetterTopic: string | null
  readonly atMostOnce: boolean
  readonly singleActive: boolean
  /** How long it knows ids; left out: messages have none. */
  readonly dedupeMs?: number
  /** Messages of one key that may be out at a time. */
  readonly keyConcurrency: number
  /** Whether a consumer begins a message when the one before is settled, and that is known. */
  readonly oneAtATime: boolean
  /** What each of its consumers may have and not have settled. */
  readonly prefetch: number
  /** Whether messages may have delays, which no bound counts until they are over. */
  readonly hasDelays: boolean
  /** Whether the wall clock, by which times are sent, went on steadily. */
  readonly hasSteadyTimes: boolean
  /** Whether nothing keeps its host from taking back what expires at a consumer; left out: something may. */
  readonly takesBackInTime?: boolean
}

/** A group as it was set up. */
export interface GroupFacts {
  readonly topic: string
  readonly group: string
  readonly attempts: number
  /** Whether it hands out one record of a partition at a time, in order. */
  readonly ordered: boolean
  /** Whether it hands out one record of a key at a time, in order. */
  readonly keyed: boolean
  readonly from: 'earliest' | 'latest'
  readonly atMostOnce: boolean
  readonly deadLetterTopic: string | null
}

/** A topic of a broker that has a folder. */
export interface StoredFacts {
  readonly durability: Durability
  /** Whether old records are removed. */
  readonly isRetained: boolean
}

/** A rate that these producers of a topic share in each process. */
export interface RateFacts extends Rate {
  readonly topic: string
  readonly producers: readonly string[]
}

export interface History {
  readonly events: readonly HistoryEvent[]
  readonly groups: readonly GroupFacts[]
  /** Topics read in full by a reader. */
  readonly readTopics: readonly string[]
  /** Groups that said, at the end and after the last send, that all is settled. */
  readonly drained: readonly string[]
  /** By topic; those that are not here are in memory, of a broker without a folder. */
  readonly stored?: ReadonlyMap<string, StoredFacts>
  /** Whether group states are written down in time: nothing holds partition hosts up. */
  readonly isPrompt?: boolean
  readonly rates?: readonly RateFacts[]
  readonly queues?: readonly QueueFacts[]
}

/** One rule; says in words what breaks it. */
export type Checker = (history: History) => string[]

/** Problems told by one checker; more are only counted. */
const TOLD_MAX = 5

/** Collects problems, not too many. */
export class Problems {
  readonly #rule: string
  readonly found: string[] = []
  #more = 0

  constructor(rule: string) {
    this.#rule = rule
  }

  say(what: string): void {
    if (this.found.length < TOLD_MAX) this.found.push(`${this.#rule}: ${what}`)
    else this.#more++
  }

  done(): string[] {
    if (this.#more > 0) this.found.push(`${this.#rule}: and ${this.#more} more`)
    return this.found
  }
}

export function placeOf({ topic, partition, offset }: Place): string {
  return `${topic}/${partition}@${offset}`
}
