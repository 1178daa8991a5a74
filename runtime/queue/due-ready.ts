/**
 * The messages of a queue that fell due and may be handed out: by priority, then in the order in which they fell due.
 *
 * The partition host's thread. Pure. Of each priority a set of numbers of the due order (due-order.ts), made when it has its first.
 * Bound: one bit a message that fell due, beside what the order costs.
 */
import { OffsetSet } from '../base/offset-set.ts'
import { lowestBit, type PagePool } from '../base/page-pool.ts'
import type { DueOrder } from './due-order.ts'

export class DueReady {
  readonly #order: DueOrder
  readonly #pool: PagePool
  /** By priority. */
  readonly #sets: (OffsetSet | undefined)[] = []
  /** Bit p: there are messages of priority p. */
  #mask = 0
  #size = 0
  /** Numbers that `next` has noted. */
  #noted: Float64Array = new Float64Array(0)

  constructor(order: DueOrder, pool: PagePool) {
    this.#order = order
    this.#pool = pool
  }

  get size(): number {
    return this.#size
  }

  /** The highest priority that has messages; -1: there is none. */
  get priority(): number {
    return 31 - Math.clz32(this.#mask)
  }

  /** The lowest one; there is one. */
  get lowestPriority(): number {
    return lowestBit(this.#mask)
  }

  countOf(priority: number): number {
    return this.#sets[priority]?.size ?? 0
  }

  /** The first number of a priority that has messages. */
  first(priority: number): number {
    return (this.#sets[priority] as OffsetSet).first()
  }

  has(number: number, priority: number): boolean {
    return this.#sets[priority]?.has(number) ?? false
  }

  add(number: number, priority: number): void {
    let set = this.#sets[priority]
    if (set === undefined) {
      set = new OffsetSet(this.#pool)
      this.#sets[priority] = set
    }
    set.add(number)
    this.#mask |= 1 << priority
    this.#size++
  }

  /** Whether it was there. */
  remove(number: number, priority: number): boolean {
    const set = this.#sets[priority]
    if (set === undefined || !set.remove(number)) return false
    this.#removed(priority, set, 1)
    return true
  }

  /** Notes the first of a priority that has messages at `at` to below `to` of these, as far as their place is not behind `limit`. */
  next(priority: number, limit: number, offsets: Float64Array, at: number, to: number): number {
    if (this.#noted.length < to) this.#noted = new Float64Array(to)
    const order = this.#order
    const found = (this.#sets[priority] as OffsetSet).lowest(this.#noted, at, to)
    let end = at
    for (; end < found; end++) {
      const number = this.#noted[end] as number
      if (order.placeOf(number) > limit) break
      offsets[end] = order.offsetOf(number)
    }
    return end
  }

  /** The first that `next` has noted, those at `at` to below `to`, are ready no more. */
  removeNext(priority: number, at: number, to: number): void {
    const set = this.#sets[priority] as OffsetSet
    set.removeLowest((this.#noted[to - 1] as number) + 1, to - at)
    this.#removed(priority, set, to - at)
  }

  /** How many of a priority have their place at or before this one. */
  countTo(priority: number, place: number): number {
    const set = this.#sets[priority]
    let count = 0
    for (const [from, to] of set?.ranges() ?? [])
      for (let number = from; number < to; number++) {
        if (this.#order.placeOf(number) > place) return count
        count++
      }
    return count
  }

  /** How many of a priority go before this number. */
  rank(number: number, priority: number): number {
    return this.#sets[priority]?.rank(number) ?? 0
  }

  #removed(priority: number, set: OffsetSet, count: number): void {
    this.#size -= count
    if (set.size === 0) this.#mask &= ~(1 << priority)
  }
}
