/**
 * The messages of a queue that may be handed out where keys take turns (`keyOrder: 'fair'`), by priority and then by turn. A message gets
 * the next turn when it may be handed out for the first time, and keeps it until it is settled. So one that comes back stands where it
 * stood, and a key with many messages gets one turn after each of the others.
 *
 * The partition host's thread. Pure. It answers as ready-index.ts does, whose place of a message is its offset. Bound: 16 bytes and two
 * bits for each message that is ready, out or waiting for a retry.
 */
import { NumberPages } from '../base/number-pages.ts'
import { OffsetsByPriority } from '../base/offsets-by-priority.ts'
import type { PagePool } from '../base/page-pool.ts'
import type { WaitingMessage } from './queue-words.ts'

export class TurnIndex {
  readonly #byTurn: OffsetsByPriority
  readonly #byOffset: OffsetsByPriority
  /** Turn of each message that has one; and the offset of each turn, one more than it is. */
  readonly #turns = new NumberPages()
  readonly #offsets = new NumberPages()
  #lastTurn = 0
  #end: number

  constructor(priorities: number, pool: PagePool, end: number) {
    this.#byTurn = new OffsetsByPriority(priorities, pool)
    this.#byOffset = new OffsetsByPriority(priorities, pool)
    this.#end = end
  }

  /** First offset that was not appended. */
  get end(): number {
    return this.#end
  }

  get size(): number {
    return this.#byTurn.size
  }

  countOf(priority: number): number {
    return this.#byTurn.of(priority).size
  }

  /** Messages of the highest priority that has any. */
  countOfFirst(): number {
    const { priority } = this
    return priority === -1 ? 0 : this.countOf(priority)
  }

  /** The next `count` offsets are in use; which of them are ready comes next. */
  pass(count: number): void {
    this.#end += count
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
    return this.#byOffset.oldestOfLowest()
  }

  has(offset: number, priority: number): boolean {
    return this.#byOffset.of(priority).has(offset)
  }

  /** Whether it was there. */
  remove(offset: number, priority: number): boolean {
    if (!this.#byOffset.remove(offset, priority)) return false
    return this.#byTurn.remove(this.#turns.get(offset), priority)
  }

  /** It has the next turn, or comes back to the one that it has. */
  putBack(offset: number, priority: number): void {
    this.#byOffset.add(offset, priority)
    this.#byTurn.add(this.keepPlace(offset), priority)
  }

  /** Its turn, behind all others if it has none yet. */
  placeOf(offset: number): number {
    const turn = this.#turns.get(offset)
    return turn === 0 ? Number.POSITIVE_INFINITY : turn
  }

  /** Its turn, which is the next one if it has none: it keeps it from now on. */
  keepPlace(offset: number): number {
    const known = this.#turns.get(offset)
    if (known !== 0) return known
    const turn = ++this.#lastTurn
    this.#setTurn(offset, turn)
    return turn
  }

  /** Its turn is over. */
  forget(offset: number): void {
    const turn = this.#turns.delete(offset)
    if (turn !== 0) this.#offsets.delete(turn)
  }

  /** How many of its priority or a higher one go before a place. */
  ahead(place: number, priority: number): number {
    let ahead = this.#byTurn.of(priority).rank(place)
    for (let higher = priority + 1; higher <= this.priority; higher++) ahead += this.countOf(higher)
    return ahead
  }

  #setTurn(offset: number, turn: number): void {
    this.#turns.set(offset, turn)
    this.#offsets.set(turn, offset + 1)
  }

  #offsetOf(turn: number): number {
    return this.#offsets.get(turn) - 1
  }
}
