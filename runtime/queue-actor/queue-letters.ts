/**
 * The dead letters of a queue: writes them in the order of the verdicts, and says when they have no room.
 *
 * The partition host's thread. The core keeps what is to be written; here are the errors of those messages, which a successor does
 * not know.
 *
 * Bound: messages that are dying.
 */
import { nowMs, wallMs } from '../../actors/world.ts'
import { deadLetterFrame } from '../group/dead-letter.ts'
import { shortStack } from '../group/failure-news.ts'
import { LetterRoom } from '../group/letter-room.ts'
import type { AppendOutcome } from '../partition/appender.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import type { LetterReason, QueueLetter } from '../queue/queue-words.ts'
import type { GroupPlace } from '../wire/places.ts'
import type { BrokerEvents } from '../words/broker-events.ts'
import { type ErrorWire, FullError, fromWire, type MillraceError } from '../words/errors.ts'
import type { Offset } from '../words/quantities.ts'
import type { MessageSource } from './message-source.ts'

/** What the core of the queue has to be written. */
export interface LetterSource {
  nextLetter(): QueueLetter | null
  lettersRefused(): void
  /** The one that came last is written. */
  letterWritten(letter: QueueLetter): void
}

const SAID: Readonly<Record<LetterReason, string>> = {
  failed: 'it failed as often as the queue allows',
  rejected: 'its consumer rejected it',
  decode: 'its value does not decode',
  timeout: 'its consumer did not settle it in time',
  crashed: 'its thread ended while it was handled',
  expired: 'it was not handled within its time to live',
  maxlen: 'the queue was full, and it was the oldest of the lowest priority',
}

export class QueueLetters {
  readonly #place: GroupPlace
  readonly #target: PartitionActor | null
  readonly #source: MessageSource
  readonly #tell: (event: BrokerEvents['deadLettered']) => void
  readonly #verdictsKept: () => boolean
  /** Why messages die, as JSON. */
  readonly #errors = new Map<Offset, string>()
  readonly #room = new LetterRoom()
  #isFull = false
  /** Low words of the offsets whose letters a predecessor wrote, until all that it left are written. */
  #written: ReadonlySet<number> = new Set()

  /**
   * `verdictsKept`: makes it as durable as the queue that messages die, or a letter would outlive that, and its message come again with the
   * next; false: the disk has failed.
   */
  constructor(
    place: GroupPlace,
    target: PartitionActor | null,
    source: MessageSource,
    tell: (event: BrokerEvents['deadLettered']) => void,
    verdictsKept: () => boolean,
  ) {
    this.#place = place
    this.#source = source
    this.#target = target
    this.#tell = tell
    this.#verdictsKept = verdictsKept
  }

  /** Some are to be written that a predecessor may have written already. */
  takeOver(): void {
    this.#written = this.#target?.sequencesOf(this.#place.cursor, 0) ?? new Set()
  }

  /** It is to be a dead letter, because of this error. */
  dies(offset: Offset, error: string): void {
    this.#errors.set(offset, error)
  }

  /** Whether some are to be written, and found no room. */
  get isFull(): boolean {
    return this.#isFull
  }

  /** Writes what is to be written; whether any was. */
  write(source: LetterSource): boolean {
    let worked = false
    for (let letter = source.nextLetter(); letter !== null; letter = source.nextLetter()) {
      const outcome = this.#written.has(letter.offset | 0) ? 'appended' : this.#append(letter)
      if (outcome !== 'appended') {
        source.lettersRefused()
        this.#waits(outcome === 'full')
        return worked
      }
      source.letterWritten(letter)
      worked = true
    }
    this.#written = new Set()
    if (worked) this.#goesOn()
    return worked
  }

  /** Writes one that is to make room; whether it had room itself. Only an attempt tells, as old ones may go for it. */
  writeDropped(letter: QueueLetter): boolean {
    return this.#append(letter) === 'appended'
  }

  #append(letter: QueueLetter): AppendOutcome {
    const target = this.#target
    if (target === null || !this.#verdictsKept()) return 'later'
    const { offset, reason, failedAttempts, firstFailureMs, lastFailureMs } = letter
    const { topicName, partition, group, cursor } = this.#place
    const record = this.#source.record(offset)
    if (record === null) throw new Error(`broken invariant: message ${offset} of queue ${topicName} is nowhere`)
    const told = this.#toldOf(letter)
    const now = wallMs()
    const frame = deadLetterFrame(record, {
      topic: topicName,
      partition,
      offset,
      group,
      cursor,
      reason,
      failedAttempts,
      firstMs: firstFailureMs === 0 ? now : firstFailureMs,
      lastMs: lastFailureMs === 0 ? now : lastFailureMs,
      error: told,
    })
    const outcome = target.appendLetter(frame, cursor)
    if (outcome !== 'appended') return outcome
    this.#errors.delete(offset)
    const { message, stack } = told
    this.#tell({
      topic: topicName,
      queue: topicName,
      partition,
      offset,
      group,
      reason,
      message,
      stack: shortStack(stack),
    })
    return outcome
  }

  /** Something is to be written, and is not. */
  #waits(hasNoRoom: boolean): void {
    this.#isFull = true
    // Since when is all that counts of what waits there.
    this.#room.take()
    this.#room.wait(AWAITING, hasNoRoom, nowMs())
  }

  #toldOf({ offset, reason }: QueueLetter): Error {
    const error = this.#errors.get(offset)
    if (error !== undefined) return fromWire(JSON.parse(error) as ErrorWire)
    const told = new Error(SAID[reason])
    delete told.stack
    return told
  }

  #goesOn(): void {
    this.#isFull = false
    this.#room.take()
    this.#room.goesOn()
  }

  /** That the queue's letters have no room, when it is time to say so; null: they have, or that was said. */
  takeStall(lagBytes: number): BrokerEvents['stalled'] | null {
    const target = this.#target
    if (!this.#isFull || target === null) return null
    const now = nowMs()
    if (!this.#room.takeNews(now, target.window.gates.length > 0)) return null
    const { topicName: topic, partition, group } = this.#place
    const waitedMs = this.#room.fullForMs(now)
    return { topic, queue: topic, partition, group, waitedMs, lagBytes, deadLetterTopic: target.topic.name }
  }

  /** After which there may be a stall to be told, in milliseconds. */
  get stallsInMs(): number {
    return this.#isFull ? this.#room.newsInMs(nowMs()) : Number.POSITIVE_INFINITY
  }

  /** What is said to whoever waits until the queue is idle; null: it may go on. */
  get stuck(): MillraceError | null {
    if (!this.#isFull || this.#target === null || !this.#room.isStuck(nowMs())) return null
    const { topicName } = this.#place
    return new FullError(
      `queue ${topicName} has dead letters, and dead-letter topic ${this.#target.topic.name} is full. Replay or purge letters (broker.deadLetters('${topicName}')), and they are written`,
      undefined,
    )
  }
}

/** Stands for all that wait. */
const AWAITING = {
  failure: {
    offset: 0,
    failedAttempts: 0,
    deliveryAttempt: 0,
    firstMs: 0,
    lastMs: 0,
    notBeforeMs: 0,
    notBeforeWallMs: 0,
    reason: null,
    state: 'dying',
  },
  error: '',
} as const
