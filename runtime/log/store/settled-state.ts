/**
 * What is known of one queue's messages: which are settled, which are out, and what deviates of the others.
 *
 * Changes (settled-format.ts) are applied in the order of their records. What comes out is what the next opening finds,
 * and so what a snapshot of the file has to say.
 *
 * The thread that owns the file. Pure. Bounds: SettledPages for what is settled; a bit for each message that is out and
 * never was before; an entry for each that deviates, which the queue bounds; that of stored-due.ts;
 * an entry of a table for each id (base/id-table.ts); one for each producer with numbers; one for each message that was updated, which the queue bounds.
 */
import { IdPages } from '../../base/id-room.ts'
import { IdTable } from '../../base/id-table.ts'
import { OffsetSet } from '../../base/offset-set.ts'
import type { PagePool } from '../../base/page-pool.ts'
import { SettledPages } from '../../base/settled-pages.ts'
import type {
  DueGroup,
  KnownEnd,
  KnownLetters,
  SettledAttempt,
  SettledChange,
  SettledNumber,
  SettledTimes,
  SettledTotals,
  SettledUpdate,
} from '../format/settled-change.ts'
import { noteIds } from './id-changes.ts'
import { StoredDue } from './stored-due.ts'

const NO_IDS = { end: 0, duplicates: 0, forgotten: 0 }
const NO_TIMES: SettledTimes = { expired: 0, end: 0 }
const NO_TOTALS: SettledTotals = { deadLettered: 0, dropped: 0, purged: 0, cancelled: 0, failures: 0 }

export class SettledState {
  readonly topic: number
  readonly partition: number
  readonly #pool: PagePool
  #settled: SettledPages
  readonly #out: OffsetSet
  readonly #attempts = new Map<number, SettledAttempt>()
  #totals: SettledTotals = NO_TOTALS
  #known: KnownEnd | null = null
  readonly #due = new StoredDue()
  #times: SettledTimes = NO_TIMES
  #letters: KnownLetters | null = null
  readonly #updates = new Map<number, SettledUpdate>()
  readonly #numbers = new Map<number, SettledNumber>()
  #ids: IdTable | null = null

  constructor(pool: PagePool, topic: number, partition: number) {
    this.#pool = pool
    this.topic = topic
    this.partition = partition
    this.#settled = new SettledPages(pool, 0)
    this.#out = new OffsetSet(pool)
  }

  /** The lowest offset that is not settled. */
  get floor(): number {
    return this.#settled.floor
  }

  /** What is settled above the floor. */
  get settled(): Pick<SettledPages, 'has' | 'ranges' | 'pieces' | 'countIn'> {
    return this.#settled
  }

  /** Messages that are out, and were not before; those that were are attempts. */
  get out(): Pick<OffsetSet, 'has' | 'ranges' | 'size'> {
    return this.#out
  }

  /** By offset, in no order. */
  get attempts(): ReadonlyMap<number, SettledAttempt> {
    return this.#attempts
  }

  /** What was updated of messages that are not settled, in no order. */
  get updates(): ReadonlyMap<number, SettledUpdate> {
    return this.#updates
  }

  get totals(): SettledTotals {
    return this.#totals
  }

  /** Null: all of the log from the floor on is to be looked at. */
  get known(): KnownEnd | null {
    return this.#known
  }

  /** What fell due and is not settled, in that order; at most so many offsets in a group. Nothing from `end` on. */
  due(end: number, most: number): Generator<DueGroup> {
    return this.#due.groups(this.#isSettled, end, most)
  }

  readonly #isSettled = (offset: number): boolean => offset < this.#settled.floor || this.#settled.has(offset)

  get times(): SettledTimes {
    return this.#times
  }

  /** Ids of its messages; null: it never had any. */
  get ids(): IdTable | null {
    return this.#ids
  }

  /** The same, for who is to add some. */
  openIds(): IdTable {
    this.#ids ??= new IdTable(new IdPages(), Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
    return this.#ids
  }

  /** How far producers with numbers are, by their own number. */
  get numbers(): ReadonlyMap<number, SettledNumber> {
    return this.#numbers
  }

  /** Null: all letters of the queue are to be looked at. */
  get letters(): KnownLetters | null {
    return this.#letters
  }

  /** Whether it says nothing. */
  get isEmpty(): boolean {
    const { floor } = this.#settled
    const isUntouched = floor === 0 && this.#settled.pieces().next().done === true
    const counted = Object.values(this.#totals).some(count => count > 0)
    const isKnown = this.#known !== null || this.#letters !== null
    const isTimed = !this.#due.isEmpty || this.#times.end > 0 || this.#times.expired > 0
    const { end: ids, duplicates, forgotten } = this.#ids?.room ?? NO_IDS
    const isNamed = ids + duplicates + forgotten > 0
    const isSilent = this.#out.size + this.#attempts.size + this.#updates.size + this.#numbers.size === 0
    return isUntouched && isSilent && !counted && !isTimed && !isKnown && !isNamed
  }

  /** Offset behind the last one that it names. */
  get end(): number {
    let end = Math.max(this.floor, this.#known?.end ?? 0)
    for (const piece of this.#settled.pieces()) end = Math.max(end, piece.at(-1)?.[1] ?? 0)
    for (const [, to] of this.#out.ranges()) end = Math.max(end, to)
    for (const offset of this.#attempts.keys()) end = Math.max(end, offset + 1)
    for (const offset of this.#updates.keys()) end = Math.max(end, offset + 1)
    for (const number of this.#numbers.values()) end = Math.max(end, number.end)
    for (const { place } of this.due(Number.POSITIVE_INFINITY, 1)) end = Math.max(end, place)
    const ids = this.#ids
    if (ids !== null && ids.size > 0) end = Math.max(end, ids.offsetOf(ids.room.end - 1) + 1)
    return Math.max(end, this.#times.end)
  }

  apply(change: SettledChange): void {
    const { isWhole, out = [], back = [], attempts = [], settled = [], due = [], updates = [], numbers = [] } = change
    const { totals, known, times, letters, ids } = change
    if (isWhole === true) this.clear()
    for (const [from, to] of out) this.#out.addRange(from, to)
    for (const [from, to] of back) this.#out.removeRange(from, to)
    for (const attempt of attempts) this.#note(attempt)
    for (const group of due) this.#due.add(group)
    for (const update of updates) this.#update(update)
    for (const [from, to] of settled) this.#settle(from, to)
    if (!this.#due.isEmpty) this.#due.settled(this.#isSettled)
    if (totals !== undefined && totals !== null) this.#totals = totals
    if (known !== undefined && known !== null) this.#known = known
    if (times !== undefined && times !== null) this.#times = times
    if (letters !== undefined && letters !== null) this.#letters = letters
    if (ids !== undefined && ids !== null) noteIds(this.openIds(), ids)
    for (const number of numbers) this.#numbers.set(number.producer, number)
  }

  #note(attempt: SettledAttempt): void {
    const { offset, handOuts, failures, isSuspect, hasSurvived, isOut, dying } = attempt
    this.#out.remove(offset)
    const deviates = handOuts > 0 || failures > 0 || isSuspect || hasSurvived || isOut || dying !== null
    if (deviates) this.#attempts.set(offset, attempt)
    else this.#attempts.delete(offset)
  }

  #update(update: SettledUpdate): void {
    if (update.isPutOff) this.#due.remove(update.offset)
    this.#updates.set(update.offset, { ...update, isPutOff: false })
  }

  #settle(from: number, to: number): void {
    if (to === from + 1) {
      if (!this.#settled.has(from)) this.#settled.add(from)
    } else this.#settled.addRange(from, to)
    if (this.#out.size > 0) this.#out.removeRange(from, to)
    if (this.#attempts.size > 0) deleteWithin(this.#attempts, from, to)
    if (this.#updates.size > 0) deleteWithin(this.#updates, from, to)
  }

  /** Forgets everything. */
  clear(): void {
    this.#settled.addRange(0, Number.MAX_SAFE_INTEGER)
    this.#settled = new SettledPages(this.#pool, 0)
    this.#out.clear()
    this.#attempts.clear()
    this.#updates.clear()
    this.#totals = NO_TOTALS
    this.#known = null
    this.#due.clear()
    this.#times = NO_TIMES
    this.#letters = null
    this.#ids = null
    this.#numbers.clear()
  }
}

function deleteWithin(messages: Map<number, unknown>, from: number, to: number): void {
  if (to - from < messages.size) for (let offset = from; offset < to; offset++) messages.delete(offset)
  else for (const offset of messages.keys()) if (offset >= from && offset < to) messages.delete(offset)
}
