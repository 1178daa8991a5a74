/**
 * All messages of a queue that may be handed out, by priority and then by place.
 *
 * The partition host's thread. Pure. The place of a message is its offset (ready-index.ts), or for one that was scheduled the end of the
 * log when it fell due (due-ready.ts). Of two with one place the due one goes first, and of two due ones the one that fell due
 * first. One that comes back stands where it stood before.
 *
 * Bound: those of both parts. In a queue where nothing fell due each call is one of the plain part.
 */
import type { OffsetSet } from '../base/offset-set.ts'
import type { PagePool } from '../base/page-pool.ts'
import type { DueOrder } from './due-order.ts'
import { DueReady } from './due-ready.ts'
import type { DueFact, WaitingMessage } from './queue-words.ts'
import { ReadyIndex } from './ready-index.ts'

const NONE = -1

export class ReadyMessages {
  readonly #plain: ReadyIndex
  readonly #order: DueOrder
  readonly #due: DueReady
  /** Whether what `next` has noted fell due. */
  #notedDue = false

  /**
   * `ranged`: whether all that is appended and not scheduled is ready; if not, `pass` and `putBack` say what is. `gathered`: what is ready
   * by its offset already, of several priorities.
   */
  constructor(
    priorities: number,
    pool: PagePool,
    end: number,
    order: DueOrder,
    ranged: boolean,
    gathered: readonly OffsetSet[] | null = null,
  ) {
    this.#plain = new ReadyIndex(priorities, pool, end, ranged, gathered)
    this.#order = order
    this.#due = new DueReady(order, pool)
  }

  /** First offset that was not appended. */
  get end(): number {
    return this.#plain.end
  }

  get size(): number {
    return this.#plain.size + this.#due.size
  }

  countOf(priority: number): number {
    return this.#plain.countOf(priority) + this.#due.countOf(priority)
  }

  /** Messages of the highest priority that has any. */
  countOfFirst(): number {
    if (this.#due.size === 0) return this.#plain.countOfFirst()
    return this.countOf(this.priority)
  }

  /** The next `count` offsets; null: all of priority 0. Those whose `dueMs` is not 0 are not ready; null: all are. */
  append(count: number, priorities: ArrayLike<number> | null, dueMs: ArrayLike<number> | null): void {
    this.#plain.append(count, priorities, dueMs)
  }

  /** The next `count` offsets are in use; which of them are ready comes next. */
  pass(count: number): void {
    this.#plain.pass(count)
  }

  /** The highest priority that has messages; -1: there is none. */
  get priority(): number {
    return this.#due.size === 0 ? this.#plain.priority : Math.max(this.#plain.priority, this.#due.priority)
  }

  /** The one that goes next; -1: there is none. */
  first(): number {
    const due = this.#firstDue()
    return due === NONE ? this.#plain.first() : this.#order.offsetOf(due)
  }

  /** Notes what goes next at `at` to below `to` of these, as far as it has this priority and is found at once; up to where. */
  next(priority: number, offsets: Float64Array, at: number, to: number): number {
    this.#notedDue = false
    if (this.#due.size === 0) return this.#plain.next(priority, offsets, at, to)
    if (this.priority !== priority) return at
    const hasPlain = this.#plain.priority === priority
    if (this.#firstDue() !== NONE) {
      this.#notedDue = true
      const limit = hasPlain ? this.#plain.first() : Number.POSITIVE_INFINITY
      return this.#due.next(priority, limit, offsets, at, to)
    }
    let end = this.#plain.next(priority, offsets, at, to)
    if (this.#due.priority === priority) {
      const place = this.#order.placeOf(this.#due.first(priority))
      while (end > at && (offsets[end - 1] as number) >= place) end--
    }
    return end
  }

  /** The first that `next` has noted, those at `at` to below `to`, are ready no more. */
  removeNext(offsets: Float64Array, at: number, to: number): void {
    if (this.#notedDue) this.#due.removeNext(this.#due.priority, at, to)
    else this.#plain.removeNext(offsets, at, to)
  }

  /** The oldest of the lowest priority, and that priority; null: there is none. */
  oldestOfLowest(): WaitingMessage | null {
    const plain = this.#plain.oldestOfLowest()
    if (this.#due.size === 0) return plain
    const priority = this.#due.lowestPriority
    const number = this.#due.first(priority)
    const due = { offset: this.#order.offsetOf(number), priority }
    if (plain === null || plain.priority > priority) return due
    return plain.priority === priority && this.#order.placeOf(number) <= plain.offset ? due : plain
  }

  has(offset: number, priority: number): boolean {
    const number = this.#order.numberOf(offset)
    return number === NONE ? this.#plain.has(offset, priority) : this.#due.has(number, priority)
  }

  /** Whether it was there. */
  remove(offset: number, priority: number): boolean {
    const number = this.#order.numberOf(offset)
    return number === NONE ? this.#plain.remove(offset, priority) : this.#due.remove(number, priority)
  }

  /** A message falls due, and this is its place from now on. It is ready when it is put back. */
  fellDue(offset: number, place: number): void {
    this.#order.enter(offset, place)
  }

  /** It is settled: it has no place any more. */
  left(offset: number): void {
    this.#order.leave(offset)
  }

  /** The same of those from `from` to below `to`. */
  leftRange(from: number, to: number): void {
    if (this.#order.size > 0) for (let offset = from; offset < to; offset++) this.#order.leave(offset)
  }

  /** A message that was there before, or falls due, comes to its place. */
  putBack(offset: number, priority: number): void {
    const number = this.#order.numberOf(offset)
    if (number === NONE) this.#plain.putBack(offset, priority)
    else this.#due.add(number, priority)
  }

  /** Whether the first of two messages of one priority goes before the second. */
  isBefore(offset: number, other: number): boolean {
    return this.#order.isBefore(offset, other)
  }

  /** It keeps its place: there is nothing to do. */
  keepPlace(_offset: number): void {}

  /** How many of its priority or a higher one go before it. */
  ahead(offset: number, priority: number): number {
    const number = this.#order.numberOf(offset)
    if (this.#due.size === 0 && number === NONE) return this.#plain.ahead(offset, priority)
    let ahead = this.#plain.ahead(number === NONE ? offset : this.#order.placeOf(number), priority)
    for (let higher = priority + 1; higher <= this.#due.priority; higher++) ahead += this.#due.countOf(higher)
    return ahead + (number === NONE ? this.#due.countTo(priority, offset) : this.#due.rank(number, priority))
  }

  /** For a queue that is rebuilt: those from `from` to below `to` are ready, and were appended before. */
  restore(from: number, to: number, priorityOf: (offset: number) => number): void {
    this.#plain.restore(from, to, priorityOf)
  }

  /** What fell due and is not settled, in the order in which it did. */
  dueFacts(): DueFact[] {
    const order = this.#order
    return Array.from(order.numbers(), number => ({ offset: order.offsetOf(number), place: order.placeOf(number) }))
  }

  /** The number of the first message, if that fell due; NONE: another one is first. */
  #firstDue(): number {
    if (this.#due.size === 0) return NONE
    const { priority } = this.#due
    const plain = this.#plain.priority
    if (priority < plain) return NONE
    const number = this.#due.first(priority)
    return priority === plain && this.#order.placeOf(number) > this.#plain.first() ? NONE : number
  }
}
