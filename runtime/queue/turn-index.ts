/**
 * The messages of a queue that may be handed out where keys take turns (`keyOrder: 'fair'`), by priority and then by turn. A message gets
 * the next turn when it may be handed out for the first time, and keeps it until it is settled. So one that comes back stands where it
 * stood, and a key with many messages gets one turn after each of the others.
 *
 * The partition host's thread. Pure. It answers as ready-messages.ts does, which also has these messages, by their places: they say which
 * is the oldest, and in which order turns begin anew when the queue is rebuilt. Bound: 16 bytes and two bits for each message that
 * is ready, out or waits for a retry.
 */
import { NumberPages } from '../base/number-pages.ts'
import { OffsetsByPriority } from '../base/offsets-by-priority.ts'
import type { PagePool } from '../base/page-pool.ts'
import type { DueOrder } from './due-order.ts'
import type { DueFact, WaitingMessage } from './queue-words.ts'
import { ReadyMessages } from './ready-messages.ts'

export class TurnIndex {
  readonly #byPlace: ReadyMessages
  readonly #byTurn: OffsetsByPriority
  /** Turn of each message that has one; and the offset of each turn, one more than it is. */
  readonly #turns = new NumberPages()
  readonly #offsets = new NumberPages()
  #lastTurn = 0

  constructor(priorities: number, pool: PagePool, end: number, order: DueOrder) {
    this.#byPlace = new ReadyMessages(priorities, pool, end, order, false)
    this.#byTurn = new OffsetsByPriority(priorities, pool)
  }

  /** First offset that was not appended. */
  get end(): number {
    return this.#byPlace.end
  }

  get size(): number {
    return this.#byPlace.size
  }

  countOf(priority: number): number {
    return this.#byPlace.countOf(priority)
  }

  /** Messages of the highest priority that has any. */
  countOfFirst(): number {
    return this.#byPlace.countOfFirst()
  }

  /** The next `count` offsets are in use; which of them are ready comes next. */
  pass(count: number): void {
    this.#byPlace.pass(count)
  }

  /** The highest priority that has messages; -1: there is none. */
  get priority(): number {
    return this.#byTurn.highest
  }

  /** Notes what goes next at `at` to below `to` of these, as far as it has this priority; up to where. */
  next(priority: number, offsets: Float64Array, at: number, to: number): number {
    if (priority !== this.priority) return at
    const end = this.#byTurn.of(priority).lowest(offsets, at, to)
    for (let index = at; index < end; index++) offsets[index] = this.#offsetOf(offsets[index] as number)
    return end
  }

  /** The first that `next` has noted, those at `at` to below `to`, are ready no more. */
  removeNext(offsets: Float64Array, at: number, to: number): void {
    const { priority } = this
    for (let index = at; index < to; index++) this.remove(offsets[index] as number, priority)
  }

  /** The one that goes next: of the highest priority, the one whose turn comes first; -1: there is none. */
  first(): number {
    const { priority } = this
    return priority === -1 ? -1 : this.#offsetOf(this.#byTurn.of(priority).first())
  }

  /** The oldest of the lowest priority, and that priority; null: there is none. */
  oldestOfLowest(): WaitingMessage | null {
    return this.#byPlace.oldestOfLowest()
  }

  has(offset: number, priority: number): boolean {
    return this.#byPlace.has(offset, priority)
  }

  /** Whether it was there. */
  remove(offset: number, priority: number): boolean {
    if (!this.#byPlace.remove(offset, priority)) return false
    return this.#byTurn.remove(this.#turns.get(offset), priority)
  }

  /** It has the next turn, or comes back to the one that it has. */
  putBack(offset: number, priority: number): void {
    this.keepPlace(offset)
    this.#byPlace.putBack(offset, priority)
    this.#byTurn.add(this.#turns.get(offset), priority)
  }

  /** It has a turn from now on, the next one if it had none. */
  keepPlace(offset: number): void {
    if (this.#turns.get(offset) !== 0) return
    const turn = ++this.#lastTurn
    this.#turns.set(offset, turn)
    this.#offsets.set(turn, offset + 1)
  }

  /** A message falls due, and this is its place from now on. It is ready when it is put back. */
  fellDue(offset: number, place: number): void {
    this.#byPlace.fellDue(offset, place)
  }

  /** It is settled: it has no turn any more. */
  left(offset: number): void {
    this.#byPlace.left(offset)
    const turn = this.#turns.delete(offset)
    if (turn !== 0) this.#offsets.delete(turn)
  }

  /** The same of those from `from` to below `to`. */
  leftRange(from: number, to: number): void {
    for (let offset = from; offset < to; offset++) this.left(offset)
  }

  /** Whether the first of two messages of one priority goes before the second. */
  isBefore(offset: number, other: number): boolean {
    return this.#turnOf(offset) < this.#turnOf(other)
  }

  /** How many of its priority or a higher one go before it. */
  ahead(offset: number, priority: number): number {
    let ahead = this.#byTurn.of(priority).rank(this.#turnOf(offset))
    for (let higher = priority + 1; higher <= this.priority; higher++) ahead += this.countOf(higher)
    return ahead
  }

  /** What fell due and is not settled, in the order in which it did. */
  dueFacts(): DueFact[] {
    return this.#byPlace.dueFacts()
  }

  /** One without a turn stands behind all others. */
  #turnOf(offset: number): number {
    const turn = this.#turns.get(offset)
    return turn === 0 ? Number.POSITIVE_INFINITY : turn
  }

  #offsetOf(turn: number): number {
    return this.#offsets.get(turn) - 1
  }
}
