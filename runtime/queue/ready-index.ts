/**
 * The messages of a queue that were never scheduled and may be handed out, by priority and then by place. The place of a message is
 * its offset, so that one that comes back stands where it stood before, whatever came back meanwhile.
 *
 * The partition host's thread. Pure.
 *
 * With one priority, what was never handed out is the range `[next, end)` and costs nothing. Beside it there are two
 * sets, mostly empty: what came back, which is below `next`, and what left the range from its middle. With more
 * priorities, or where keys are limited, each has a set of its own, one bit a message, and a word says which of them have members.
 * What is scheduled is not in the range either.
 */
import { OffsetSet } from '../base/offset-set.ts'
import { lowestBit, type PagePool } from '../base/page-pool.ts'
import type { WaitingMessage } from './queue-words.ts'

/** Those that are ready, by priority, as somebody has gathered them who goes through the log. */
export interface GatheredMessages {
  readonly pool: PagePool
  readonly byPriority: readonly OffsetSet[]
}

export class ReadyIndex {
  /** Whether there is a range. */
  readonly #single: boolean
  /** By priority; with one priority what came back. */
  readonly #sets: readonly OffsetSet[]
  /** Not ready though between `next` and `end`. */
  readonly #gone: OffsetSet
  /** Bit p: there are messages of priority p in its set. */
  #mask = 0
  #next: number
  #end: number

  /** `ranged`: whether all that is appended and not scheduled is ready, so that one priority needs no set. `gathered`: those that are ready. */
  constructor(
    priorities: number,
    pool: PagePool,
    end: number,
    ranged: boolean,
    gathered: readonly OffsetSet[] | null = null,
  ) {
    this.#single = ranged && priorities === 1
    this.#sets = gathered ?? Array.from({ length: priorities }, () => new OffsetSet(pool))
    for (const [priority, { size }] of this.#sets.entries()) if (size > 0) this.#mask |= 1 << priority
    this.#gone = new OffsetSet(pool)
    this.#next = end
    this.#end = end
  }

  /** Bytes beside those of the pool. */
  get bytes(): number {
    return this.#sets.reduce((sum, set) => sum + set.bytes, this.#gone.bytes)
  }

  /** First offset that was not appended. */
  get end(): number {
    return this.#end
  }

  get size(): number {
    let size = this.#fresh()
    for (const set of this.#sets) size += set.size
    return size
  }

  countOf(priority: number): number {
    return (this.#sets[priority] as OffsetSet).size + (priority === 0 ? this.#fresh() : 0)
  }

  /** Messages of the highest priority that has any. */
  countOfFirst(): number {
    const { priority } = this
    return priority === -1 ? 0 : this.countOf(priority)
  }

  /** The next `count` offsets; null: all of priority 0. Those whose `dueMs` is not 0 are not ready; null: all are. */
  append(count: number, priorities: ArrayLike<number> | null, dueMs: ArrayLike<number> | null): void {
    const from = this.#end
    this.#end += count
    if (this.#single) {
      if (dueMs === null) return
      for (let index = 0; index < count; index++) if (dueMs[index] !== 0) this.remove(from + index, 0)
      return
    }
    this.#next = this.#end
    for (let index = 0; index < count; index++) {
      if (dueMs !== null && dueMs[index] !== 0) continue
      const priority = priorities === null ? 0 : (priorities[index] as number)
      ;(this.#sets[priority] as OffsetSet).add(from + index)
      this.#mask |= 1 << priority
    }
  }

  /** The next `count` offsets are in use; which of them are ready comes next. */
  pass(count: number): void {
    this.#end += count
    this.#next = this.#end
  }

  /** The highest priority that has messages; -1: there is none. */
  get priority(): number {
    if (this.#mask !== 0) return 31 - Math.clz32(this.#mask)
    return this.#next < this.#end ? 0 : -1
  }

  /** Notes what goes next at `at` to below `to` of these, as far as it has this priority and is found at once; up to where. */
  next(priority: number, offsets: Float64Array, at: number, to: number): number {
    if (this.#mask !== 0) {
      const set = this.#sets[priority] as OffsetSet
      return priority === 31 - Math.clz32(this.#mask) ? set.lowest(offsets, at, to) : at
    }
    if (priority > 0) return at
    const found = Math.min(to - at, this.#end - this.#next, this.#gone.size === 0 ? to : 1)
    for (let index = 0; index < found; index++) offsets[at + index] = this.#next + index
    return at + found
  }

  /** The first that `next` has noted, those at `at` to below `to`, are ready no more. */
  removeNext(offsets: Float64Array, at: number, to: number): void {
    const last = offsets[to - 1] as number
    if (this.#mask !== 0) {
      const priority = 31 - Math.clz32(this.#mask)
      const set = this.#sets[priority] as OffsetSet
      set.removeLowest(last + 1, to - at)
      if (set.size === 0) this.#mask &= ~(1 << priority)
    } else if (this.#gone.size > 0) this.remove(last, 0)
    else this.#next = last + 1
  }

  /** The one that goes next: the lowest offset of the highest priority; -1: there is none. */
  first(): number {
    if (this.#mask !== 0) return (this.#sets[31 - Math.clz32(this.#mask)] as OffsetSet).first()
    return this.#next < this.#end ? this.#next : -1
  }

  /** The oldest of the lowest priority, and that priority; null: there is none. */
  oldestOfLowest(): WaitingMessage | null {
    const priority = this.#mask === 0 ? this.priority : lowestBit(this.#mask)
    if (priority === -1) return null
    const offset = (this.#sets[priority] as OffsetSet).first()
    return { offset: offset === -1 ? this.#next : offset, priority }
  }

  has(offset: number, priority: number): boolean {
    if (this.#single && offset >= this.#next) return offset < this.#end && !this.#gone.has(offset)
    return (this.#sets[priority] as OffsetSet).has(offset)
  }

  /** Whether it was there. */
  remove(offset: number, priority: number): boolean {
    if (this.#single && offset >= this.#next) {
      if (offset !== this.#next) {
        if (offset >= this.#end || this.#gone.has(offset)) return false
        this.#gone.add(offset)
        return true
      }
      if (offset === this.#end) return false
      this.#passOver(offset + 1)
      return true
    }
    const set = this.#sets[priority] as OffsetSet
    if (!set.remove(offset)) return false
    if (set.size === 0) this.#mask &= ~(1 << priority)
    return true
  }

  /** A message that was there before comes back to its place. */
  putBack(offset: number, priority: number): void {
    ;(this.#sets[priority] as OffsetSet).add(offset)
    this.#mask |= 1 << priority
  }

  /** How many of its priority or a higher one go before it. */
  ahead(offset: number, priority: number): number {
    let ahead = 0
    for (let higher = priority + 1; higher < this.#sets.length; higher++) ahead += this.countOf(higher)
    ahead += (this.#sets[priority] as OffsetSet).rank(offset)
    if (this.#single && offset > this.#next) ahead += offset - this.#next - this.#gone.rank(offset)
    return ahead
  }

  /** For a queue that is rebuilt: those from `from` to below `to` are ready, and were appended before. */
  restore(from: number, to: number, priorityOf: (offset: number) => number): void {
    if (this.#single) (this.#sets[0] as OffsetSet).addRange(from, to)
    else for (let offset = from; offset < to; offset++) this.putBack(offset, priorityOf(offset))
    if (this.#single && from < to) this.#mask = 1
  }

  /** The range begins here, or behind those that are gone from here on. */
  #passOver(next: number): void {
    this.#next = this.#gone.size > 0 ? this.#gone.removeRun(next) : next
  }

  #fresh(): number {
    return this.#end - this.#next - this.#gone.size
  }
}
