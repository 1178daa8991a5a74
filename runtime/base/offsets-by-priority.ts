/**
 * Sets of offsets, one for each priority, whose lowest and highest priority with members are found at once.
 *
 * The partition host's thread. Pure. Bound: one bit for each member, in pages (offset-set.ts).
 */
import { OffsetSet } from './offset-set.ts'
import { lowestBit, type PagePool } from './page-pool.ts'

export class OffsetsByPriority {
  readonly #sets: readonly OffsetSet[]
  /** Bit p: there are members of priority p. */
  #mask = 0

  constructor(priorities: number, pool: PagePool) {
    this.#sets = Array.from({ length: priorities }, () => new OffsetSet(pool))
  }

  /** The highest priority that has members; -1: there is none. */
  get highest(): number {
    return this.#mask === 0 ? -1 : 31 - Math.clz32(this.#mask)
  }

  get size(): number {
    return this.#sets.reduce((size, set) => size + set.size, 0)
  }

  of(priority: number): OffsetSet {
    return this.#sets[priority] as OffsetSet
  }

  /** The lowest offset of the lowest priority, and that priority; null: there is none. */
  oldestOfLowest(): { readonly offset: number; readonly priority: number } | null {
    if (this.#mask === 0) return null
    const priority = lowestBit(this.#mask)
    return { offset: this.of(priority).first(), priority }
  }

  add(offset: number, priority: number): void {
    this.of(priority).add(offset)
    this.#mask |= 1 << priority
  }

  /** Whether it was a member. */
  remove(offset: number, priority: number): boolean {
    const was = this.of(priority).remove(offset)
    this.left(priority)
    return was
  }

  /** Members of this priority were removed from its set. */
  left(priority: number): void {
    if (this.of(priority).size === 0) this.#mask &= ~(1 << priority)
  }
}
