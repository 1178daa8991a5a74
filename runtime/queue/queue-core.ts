/**
 * A work queue: which message goes to which consumer, and what becomes of it. One consumer has a message at a time.
 *
 * The partition host's thread, inside the queue's actor. Pure: no clock, no chance, no I/O; moments and random shares are
 * inputs, and what is to be done comes back as data. The sizes and priorities of messages are asked of the log, which
 * gives the same answers each time.
 *
 * ```
 *     scheduled --due----.
 *         ^              v
 * admit -> appended -> ready --take--> unacked --ack--------------------> settled
 *                        ^                |---release, detach, a death-----> ready, at its old place; if cancelled meanwhile, settled
 *                        |                '---nack, reject, time-out, the death that it caused
 *                        |                        |                 |
 *                        '-----due---- retrying <-'                 '-> dying --lettersWritten-> settled
 *        ready or retrying --expire---------------------------------------^
 * ```
 *
 * Rules. The place of a message is its offset, or the end of the log when it fell due. A lower priority never goes before a higher one,
 * and of one priority the lowest place goes first, whatever came back. A settlement names a hand-out by consumer, slot and tag; if
 * that is over, nothing changes.
 *
 * Bounds: `maxMessages`, `maxBytes`; CONSUMERS_MAX; CLAIMS_MAX for each consumer; `heldMax` failed messages and what was out when it
 * was reached. A plain waiting message costs nothing with one priority, and one bit with more; schedule.ts and expiry.ts say
 * what times cost.
 */
import type { Instant } from '../base/clock.ts'
import { admit, appended, dropped, withdrawn } from './admission.ts'
import { type ClaimName, detach, die, failBatch, timeOut } from './consumer-ends.ts'
import { type Consumer, checked } from './consumers.ts'
import { lettersWritten, nextLetter } from './dying.ts'
import { expire } from './expiring.ts'
import { attemptOf, countersOf, explain } from './explanation.ts'
import { take } from './hand-outs.ts'
import { type DueView, due, dueMsOf, emptyDue } from './passing-time.ts'
import { factsOf, type QueueFacts, stateFrom } from './queue-facts.ts'
import { QueueFigures } from './queue-figures.ts'
import { QueueState } from './queue-state.ts'
import type {
  Admission,
  AppendedFields,
  ConsumerDeath,
  ConsumerTerms,
  DueMessages,
  HandOut,
  HandOutRun,
  LetterReason,
  OverdueMessage,
  QueueAttempt,
  QueueCounters,
  QueueEffect,
  QueueExplanation,
  QueueLetter,
  QueueLog,
  QueuePolicy,
} from './queue-words.ts'
import type { GatheredMessages } from './ready-index.ts'
import { ack, ackRun, emptyRun, RUN_MAX, type RunView, takeRun } from './runs.ts'
import { cancel, type Purge, purge } from './taken-back.ts'
import { applyUpdate, type MessageUpdate } from './updating.ts'
import { comesBack, fails, goesBack } from './verdicts.ts'

export class QueueCore {
  readonly #state: QueueState
  readonly #run: RunView = emptyRun()
  readonly #due: DueView = emptyDue()
  readonly figures: QueueFigures
  /** What was out when its time was over, as the last `expire` found it; each is told once. */
  readonly overdue: OverdueMessage[] = []

  private constructor(state: QueueState) {
    this.#state = state
    this.figures = new QueueFigures(state)
  }

  /** An empty queue whose first message will have the offset `start`. */
  static create(policy: QueuePolicy, log: QueueLog, start = 0): QueueCore {
    const totals = { accepted: 0, acked: 0, deadLettered: 0, expired: 0, dropped: 0, purged: 0, cancelled: 0 }
    return new QueueCore(new QueueState(policy, log, [start, start], totals, false))
  }

  /** The queue that had these facts. `gathered`: all that is not settled, whose priorities are not asked of the log then. */
  static from(policy: QueuePolicy, log: QueueLog, facts: QueueFacts, gathered?: GatheredMessages): QueueCore {
    return new QueueCore(stateFrom(policy, log, facts, gathered ?? null))
  }

  facts(): QueueFacts {
    return factsOf(this.#state)
  }

  /**
   * Reserves room for the first messages of an append, and says what must go for them; `dropped` comes next. One whose `dueMs` is not 0 is
   * scheduled, and needs none; null: none is.
   */
  admit(sizes: ArrayLike<number>, dueMs: ArrayLike<number> | null): Admission {
    return admit(this.#state, sizes, dueMs)
  }

  /** So many of what must go are gone, with their letters written; the others keep their places. */
  dropped(count: number): void {
    dropped(this.#state, count)
  }

  /** So many admitted messages are committed at the log's end; `fields` null: they are plain. */
  appended(count: number, bytes: number, fields: AppendedFields | null): void {
    appended(this.#state, count, bytes, fields)
  }

  /** Admitted messages are not appended: so many that had room kept for them. */
  withdrawn(count: number, bytes: number): void {
    withdrawn(this.#state, count, bytes)
  }

  /** @throws RangeError when the number is taken, or there are too many consumers. */
  attach(consumer: number, terms: ConsumerTerms): void {
    this.#state.consumers.attach(consumer, checked(terms))
  }

  /** What a consumer may hold from now on; it keeps what it holds. Prefetch 0 pauses it. */
  credit(consumer: number, prefetch: number, prefetchBytes: number): void {
    const found = this.#state.consumers.of(consumer)
    if (found === undefined) return
    found.prefetch = checked({ prefetch }).prefetch
    found.prefetchBytes = prefetchBytes
    this.#state.consumers.refresh(found)
  }

  /** A consumer ends in good order. */
  detach(consumer: number): readonly QueueEffect[] {
    const found = this.#state.consumers.of(consumer)
    return found === undefined ? [] : detach(this.#state, found)
  }

  /** A consumer died, after all that its shared words say has begun or was settled was told. */
  died(consumer: number, death: ConsumerDeath, at: Instant, rng: () => number): readonly QueueEffect[] {
    const found = this.#state.consumers.of(consumer)
    return found === undefined ? [] : die(this.#state, found, death, at, rng)
  }

  /** The next message for a consumer that has room; null: there is none. The same object each time, valid until the next call. */
  take(nowMs: number): HandOut | null {
    return take(this.#state, nowMs, this.#run.first) ? this.#run.first : null
  }

  /**
   * The next messages for one consumer that has room, at most so many, up to RUN_MAX; null: there are none. `bytesFor`: bytes that a
   * consumer can be handed at once, of which the first message may be more. The same object each time, valid until the next call.
   */
  takeRun(most: number, bytesFor: (consumer: number) => number, nowMs: number): HandOutRun | null {
    if (most > RUN_MAX) throw new RangeError(`a run has ${RUN_MAX} messages at most, not ${most}`)
    return takeRun(this.#state, most, bytesFor, nowMs, this.#run) ? this.#run : null
  }

  /** Its handler was called: it can be charged with the end of its thread, and its time-out runs. Whether it is held. */
  begun(consumer: number, slot: number, tag: number, nowMs: number): boolean {
    const found = this.#holder(consumer, slot, tag)
    found?.claims.begin(slot, nowMs + found.ackTimeoutMs)
    return found !== undefined
  }

  /** The time-out of a message that has begun runs anew. Whether it is held. */
  renew(consumer: number, slot: number, tag: number, nowMs: number): boolean {
    const found = this.#holder(consumer, slot, tag)
    found?.claims.renew(slot, nowMs + found.ackTimeoutMs)
    return found !== undefined
  }

  /** Whether it was held, and is settled now. */
  ack(consumer: number, slot: number, tag: number): boolean {
    const found = this.#holder(consumer, slot, tag)
    if (found !== undefined) ack(this.#state, found, slot)
    return found !== undefined
  }

  /** Acks the hand-outs that stand in these at `from` to below `to`; how many were held, and are settled now. */
  ackRun(consumer: number, slots: Int32Array, tags: Int32Array, from: number, to: number): number {
    const found = this.#state.consumers.of(consumer)
    return found === undefined ? 0 : ackRun(this.#state, found, slots, tags, from, to)
  }

  /** It failed; `delayMs` null: as the backoff says. Null: it is not held. */
  nack(
    consumer: number,
    slot: number,
    tag: number,
    delayMs: number | null,
    at: Instant,
    rng: () => number,
    reason: Exclude<LetterReason, 'crashed' | 'maxlen' | 'expired'> = 'failed',
  ): QueueEffect | null {
    const found = this.#holder(consumer, slot, tag)
    return found === undefined ? null : fails(this.#state, found, slot, { reason, suspect: false, delayMs }, at, rng)
  }

  /** It is not to be tried again. Null: it is not held. */
  reject(consumer: number, slot: number, tag: number, reason: 'rejected' | 'decode', at: Instant): QueueEffect | null {
    return this.nack(consumer, slot, tag, null, at, () => 0, reason)
  }

  /** It comes back, and did not fail. Null: it is not held. */
  release(consumer: number, slot: number, tag: number): QueueEffect | null {
    const found = this.#holder(consumer, slot, tag)
    return found === undefined ? null : comesBack(this.#state, found, slot)
  }

  /** It goes back without having been begun, and this was no hand-out. Null: it is not held, or has begun. */
  takeBack(consumer: number, slot: number, tag: number): QueueEffect | null {
    const found = this.#holder(consumer, slot, tag)
    return found === undefined ? null : goesBack(this.#state, found, slot)
  }

  /** It is cancelled once its consumer lets go of it, but by an ack. Whether it is held. */
  cancelOut(consumer: number, slot: number, tag: number): boolean {
    const found = this.#holder(consumer, slot, tag)
    found?.claims.cancel(slot)
    return found !== undefined
  }

  /** A batch failed as a whole: one message is charged, more come again in two parts. Those that are not held are left out. */
  failBatch(consumer: number, batch: readonly ClaimName[], at: Instant, rng: () => number): readonly QueueEffect[] {
    const found = this.#state.consumers.of(consumer)
    return found === undefined ? [] : failBatch(this.#state, found, batch, at, rng)
  }

  /** What has begun and has not been settled in its consumer's time fails. */
  timeOut(at: Instant, rng: () => number): readonly QueueEffect[] {
    return timeOut(this.#state, at, rng)
  }

  /** What has waited for its retry or its time is ready. The same object each time, valid until the next call. */
  due(nowMs: number): DueMessages {
    due(this.#state, nowMs, this.#due)
    return this.#due
  }

  /** What has expired dies, or is gone; a bounded number, and the rest is due at once. What of it is out is `overdue`. */
  expire(nowMs: number): readonly QueueEffect[] {
    return expire(this.#state, nowMs, this.overdue)
  }

  /** When `due`, `expire`, `timeOut` or `take` has something to do by itself; Infinity: never by itself. */
  get dueMs(): number {
    return dueMsOf(this.#state)
  }

  /** The next dead letter to write, in the order of the verdicts; null: there is none. It is on its way from now on. */
  nextLetter(): QueueLetter | null {
    return nextLetter(this.#state)
  }

  /** The first so many letters on their way are written, in one commit with this; their messages are settled. */
  lettersWritten(count: number): void {
    lettersWritten(this.#state, count)
  }

  /** Letters on their way have no place: their messages keep waiting, and are the next to be written. */
  lettersRefused(): void {
    this.#state.letters.refused()
  }

  /** Takes back a message that waits, also for its time or a retry; whether it did. */
  cancel(offset: number): boolean {
    return cancel(this.#state, offset)
  }

  /** A message that waits is to be different, also one that waits for its time or a retry; whether it waited. `keep`: updating.ts. */
  update(offset: number, update: MessageUpdate, nowMs: number, keep: (kept: MessageUpdate) => void): boolean {
    return applyUpdate(this.#state, offset, update, nowMs, keep)
  }

  /** Takes back what waits of these, also for its time or a retry, and tells of each. Where to go on; null: there is no more. */
  purge(what: Purge, gone: (offset: number) => void): number | null {
    return purge(this.#state, what, gone)
  }

  /** The first message from an offset on that is not settled; null: there is none. */
  next(offset: number): number | null {
    const next = this.#state.settled.next(offset)
    return next < this.#state.ready.end ? next : null
  }

  explain(offset: number): QueueExplanation {
    return explain(this.#state, offset)
  }

  /** What is known of a message that came back. */
  attemptOf(offset: number): QueueAttempt {
    return attemptOf(this.#state, offset)
  }

  counters(): QueueCounters {
    return countersOf(this.#state)
  }

  #holder(consumer: number, slot: number, tag: number): Consumer | undefined {
    const found = this.#state.consumers.of(consumer)
    return found?.claims.holds(slot, tag) === true ? found : undefined
  }
}
