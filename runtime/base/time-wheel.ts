/**
 * Numbers, each with the millisecond at which it is due: they come out in the order of these, and of one millisecond in the order in which
 * they came.
 *
 * The partition host's thread. Pure: whoever uses it reads the clock. LEVELS levels of SLOTS lists: an entry is in the level of the highest
 * digit (base 256) in which its time differs from the current one, and there in the list of its digit. When the current time comes
 * to a list of a higher level, what is in there goes to lower ones, so that an entry moves LEVELS - 1 times at most. All entries of one
 * millisecond are in one list at any time.
 * Source: Varghese and Lauck, "Hashed and hierarchical timing wheels", 1987.
 *
 * Bounds: 16 bytes an entry, and 13 KB; MOVES_MAX entries moved and as many taken in one call as there is room for. The rest is
 * due at once. Entries that are not needed any more stay until a sweep: `tend` begins one when they are more than half.
 */
import { EntryLists, type IsNeeded } from './entry-lists.ts'
import { lowestBit } from './page-pool.ts'

const DIGIT_BITS = 8
const SLOTS: number = 1 << DIGIT_BITS
const LEVELS = 7
const WORDS: number = SLOTS / 32
/** Entries that go to a lower level in one call, at most. */
const MOVES_MAX = 16_384
/** Entries that are not worth a sweep, and pages swept in one call. */
const SWEPT_FROM = 4_096
const SWEPT_PAGES = 64
const NONE = -1

/** Time that one list of each level spans. */
const SPANS: readonly number[] = Array.from({ length: LEVELS + 1 }, (_, level) => SLOTS ** level)

export class TimeWheel {
  readonly #lists = new EntryLists(LEVELS * SLOTS)
  /** Bit n of word w of each level: its list 32 w + n has entries. */
  readonly #occupied: Int32Array = new Int32Array(LEVELS * WORDS)
  /** Bit l: level l has any. */
  #levels = 0
  /** All before it is taken. */
  #current = 0
  /** The list that is on its way to lower levels, and the time at which it begins; NONE: none is. */
  #moving = NONE
  #movingMs = 0

  /** Entries, those that are not needed any more included. */
  get size(): number {
    return this.#lists.size
  }

  get bytes(): number {
    return this.#lists.bytes + this.#occupied.byteLength
  }

  /** When the next one is due, or earlier: then nothing is taken at that time, and it is known better. Infinity: there is none. */
  get dueMs(): number {
    if (this.#moving !== NONE) return this.#movingMs
    const list = this.#first()
    return list === NONE ? Number.POSITIVE_INFINITY : this.#beginOf(list)
  }

  /** `ms`: 0 to below 2^53; it is rounded up. What is due already comes behind all that is. The time at which it will come. */
  add(number: number, ms: number): number {
    const since = this.#moving === NONE ? this.#current : this.#movingMs
    const time = Math.max(Math.ceil(ms), since)
    this.#lists.push(this.#occupy(listOf(time, this.#current)), time, number)
    return time
  }

  /**
   * Notes what is due, in its order, as far as there is room in `numbers`; how many. `dueMs` says whether there is more. `isNeeded`: entries
   * for which that is false are dropped.
   */
  take(nowMs: number, numbers: Float64Array, isNeeded: IsNeeded | null = null): number {
    let found = 0
    const note = (time: number, number: number): void => {
      if (isNeeded === null || isNeeded(number, time)) numbers[found++] = number
    }
    for (let moves = MOVES_MAX; ; ) {
      const list = this.#moving === NONE ? this.#first() : this.#moving
      const begin =
        list === NONE ? Number.POSITIVE_INFINITY : this.#moving === NONE ? this.#beginOf(list) : this.#movingMs
      if (!(begin <= nowMs)) break
      if (list < SLOTS) {
        this.#current = begin
        this.#lists.shift(list, numbers.length - found, note)
        if (!this.#lists.isEmpty(list)) return found
        this.#vacate(list)
        continue
      }
      this.#moving = list
      this.#movingMs = begin
      // Neighbours often have one time.
      let [last, to] = [NONE, NONE]
      moves -= this.#lists.shift(list, moves, (time, number) => {
        if (time !== last) {
          last = time
          to = this.#occupy(listOf(time, begin))
        }
        this.#lists.push(to, time, number)
      })
      if (!this.#lists.isEmpty(list)) return found
      this.#vacate(list)
      this.#moving = NONE
      this.#current = begin
    }
    this.#current = Math.max(this.#current, Math.floor(nowMs))
    return found
  }

  /** Drops entries that are not needed any more, some at a time, when at most `needed` are. */
  tend(needed: number, isNeeded: IsNeeded): void {
    if (!this.#lists.isSwept) {
      if (this.size <= 2 * needed + SWEPT_FROM) return
      this.#lists.beginSweep()
    }
    this.#lists.sweep(isNeeded, SWEPT_PAGES)
  }

  clear(): void {
    this.#lists.clear()
    this.#occupied.fill(0)
    this.#levels = 0
    this.#moving = NONE
  }

  /** The list gets entries. */
  #occupy(list: number): number {
    const slot = list & (SLOTS - 1)
    const level = list >> DIGIT_BITS
    this.#occupied[level * WORDS + (slot >> 5)]! |= 1 << (slot & 31)
    this.#levels |= 1 << level
    return list
  }

  #vacate(list: number): void {
    const level = list >> DIGIT_BITS
    const slot = list & (SLOTS - 1)
    this.#occupied[level * WORDS + (slot >> 5)]! &= ~(1 << (slot & 31))
    if (this.#wordOf(level) === NONE) this.#levels &= ~(1 << level)
  }

  /** The first list that has entries; NONE: there is none. */
  #first(): number {
    while (this.#levels !== 0) {
      const level = lowestBit(this.#levels)
      const word = this.#wordOf(level)
      const list = level * SLOTS + word * 32 + lowestBit(this.#occupied[level * WORDS + word] as number)
      if (!this.#lists.isEmpty(list)) return list
      // A sweep has emptied it.
      this.#vacate(list)
    }
    return NONE
  }

  /** The first word of a level that is not 0; NONE: all are. */
  #wordOf(level: number): number {
    for (let word = 0; word < WORDS; word++) if (this.#occupied[level * WORDS + word] !== 0) return word
    return NONE
  }

  /** The first millisecond of a list. */
  #beginOf(list: number): number {
    const level = list >> DIGIT_BITS
    const above = SPANS[level + 1] as number
    return Math.floor(this.#current / above) * above + (list & (SLOTS - 1)) * (SPANS[level] as number)
  }
}

/** The list of a time that is not before the current one. */
function listOf(time: number, current: number): number {
  const [low, high] = [(time % 2 ** 32) >>> 0, Math.floor(time / 2 ** 32)]
  const highest = high ^ Math.floor(current / 2 ** 32)
  const lower = low ^ ((current % 2 ** 32) >>> 0)
  if (highest === 0) {
    const level = lower === 0 ? 0 : (31 - Math.clz32(lower)) >> 3
    return level * SLOTS + ((low >>> (level * DIGIT_BITS)) & (SLOTS - 1))
  }
  const level = (31 - Math.clz32(highest)) >> 3
  return (level + 4) * SLOTS + ((high >>> (level * DIGIT_BITS)) & (SLOTS - 1))
}
