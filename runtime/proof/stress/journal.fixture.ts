/**
 * What threads saw, in one order for all of them, written by each into shared memory so that it outlives its thread.
 *
 * Main and handler threads write, main reads. An entry is claimed by adding one to a count, so its number is its place in
 * time, and it has one writer. Its kind is stored last: an entry whose writer died before that is `torn`, and says
 * nothing. A thread dies once, and so leaves one torn entry at most.
 *
 * ```
 * 0 i32 entries claimed, also those for which there was no room   4 i32 0   8 f64 0
 * per entry   0 i32 kind, 0: not whole   4 i32 who   8 i32 partition   12 i32 offset   16 i32 id   20 i32 key
 *            24 i32 a   28 i32 b   32 i32 c   36 i32 0   40 f64 when, by `clockMs`
 * ```
 *
 * Bound: as many entries as it was made for. Later ones are left out and counted: a handler that noticed would behave
 * otherwise for it, so whoever judges must look at `isFull`.
 */
import { clockMs } from './ledger.fixture.ts'

/** Kinds of entries, and what `who`, `a`, `b` and `c` are. Of any that is not named the value says nothing. */
export const ENTRY = {
  /** A handler took a partition over; its number is that of this entry. a: its thread. */
  began: 1,
  /** who: handler, a: deliveryAttempt, b: failedAttempts. */
  delivered: 2,
  /** The call is about to return a promise. who: handler. */
  pending: 3,
  /** who: handler, a: deliveryAttempt, b: how. */
  settled: 4,
  /** It let go of its partition in good order. who: handler. */
  left: 5,
  /** who: producer, id: the first of them, a: how many, one number after the other. */
  sent: 6,
  /** id: the first of them, a: how many, b: outcome. The place is known of one by itself; offset -1: it is not. */
  answered: 7,
  /** who: reader. */
  read: 8,
  /** partition, offset: its own; a: partition and b: offset of its record, c: failures * 16 + reason. */
  letter: 9,
  committed: 10,
  logStart: 11,
  /** The run was told to stop: a thread that ends from here on may go uncharged. */
  stopping: 12,
} as const

export type EntryKind = keyof typeof ENTRY

const KINDS: readonly EntryKind[] = Object.keys(ENTRY) as EntryKind[]

export interface Entry {
  readonly kind: EntryKind | 'torn'
  readonly number: number
  readonly who: number
  readonly partition: number
  readonly offset: number
  readonly id: number
  /** -1: none. */
  readonly key: number
  readonly a: number
  readonly b: number
  readonly c: number
  readonly atMs: number
}

/** What an entry says, apart from its kind and time. */
export type EntryWords = Partial<Omit<Entry, 'kind' | 'number' | 'atMs'>>

const ENTRY_WORDS = 12
const HEAD_WORDS = 4
const ENTRY_BYTES = ENTRY_WORDS * 4
const HEAD_BYTES = HEAD_WORDS * 4

/** Bytes for so many entries; pages that are not written to cost nothing. */
export function journalBytes(entries: number): number {
  return HEAD_BYTES + entries * ENTRY_BYTES
}

export class Journal {
  readonly buffer: SharedArrayBuffer
  readonly capacity: number
  readonly #words: Int32Array
  readonly #times: Float64Array

  /** A new one for so many entries, or one that another thread has made. */
  constructor(of: number | SharedArrayBuffer) {
    this.buffer = typeof of === 'number' ? new SharedArrayBuffer(journalBytes(of)) : of
    this.capacity = (this.buffer.byteLength - HEAD_BYTES) / ENTRY_BYTES
    this.#words = new Int32Array(this.buffer)
    this.#times = new Float64Array(this.buffer)
  }

  /** Writes an entry, and says its number; -1: there was no room. */
  add(
    kind: EntryKind,
    { who = 0, partition = 0, offset = -1, id = 0, key = -1, a = 0, b = 0, c = 0 }: EntryWords,
  ): number {
    const words = this.#words
    const number = Atomics.add(words, 0, 1)
    if (number >= this.capacity) {
      // The count must not wrap around: it stays where it says that it is full.
      Atomics.store(words, 0, this.capacity + 1)
      return -1
    }
    const at = HEAD_WORDS + number * ENTRY_WORDS
    words[at + 1] = who
    words[at + 2] = partition
    words[at + 3] = offset
    words[at + 4] = id
    words[at + 5] = key
    words[at + 6] = a
    words[at + 7] = b
    words[at + 8] = c
    this.#times[(at + 10) >> 1] = clockMs()
    Atomics.store(words, at, ENTRY[kind])
    return number
  }

  /** Something was left out. */
  get isFull(): boolean {
    return Atomics.load(this.#words, 0) > this.capacity
  }

  get length(): number {
    return Math.min(this.capacity, Atomics.load(this.#words, 0))
  }

  /** The first so many; all that there are now. */
  *entries(length: number = this.length): Generator<Entry> {
    const words = this.#words
    for (let number = 0; number < length; number++) {
      const at = HEAD_WORDS + number * ENTRY_WORDS
      const word = (index: number): number => words[at + index] as number
      yield {
        kind: KINDS[Atomics.load(words, at) - 1] ?? 'torn',
        number,
        who: word(1),
        partition: word(2),
        offset: word(3),
        id: word(4),
        key: word(5),
        a: word(6),
        b: word(7),
        c: word(8),
        atMs: this.#times[(at + 10) >> 1] as number,
      }
    }
  }
}
