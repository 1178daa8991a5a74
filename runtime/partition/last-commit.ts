/**
 * What a partition's successor must find: the owner's words of its window's banks, which each commit makes good together.
 *
 * The partition host's thread; the words lie in a private copy until the window commits.
 */

import { highOf, joinOffset } from '../log/format/frame.ts'
import type { Offset, Position, RingId } from '../words/quantities.ts'

const END_LOW = 0
const END_HIGH = 1
const RING = 2
const RING_END = 3
const LAST_APPEND = 4
const DROPPED_LOW = 5
const DROPPED_HIGH = 6
const OPENED = 7
const BESIDE = 8
const BASE_LOW = 9
const BASE_HIGH = 10

export class LastCommit {
  readonly #words: Int32Array

  constructor(words: Int32Array) {
    this.#words = words
  }

  /** The next offset to append. */
  get endOffset(): Offset {
    return joinOffset(this.#words[END_LOW] as number, this.#words[END_HIGH] as number)
  }

  /** Ring that the last append took from; 0: none. */
  get ring(): RingId {
    return this.#words[RING] as number
  }

  /** How far that ring was taken. */
  get ringEnd(): Position {
    return this.#words[RING_END] as number
  }

  /** Window position at which the last append began. */
  get lastAppend(): Position {
    return this.#words[LAST_APPEND] as number
  }

  /** The first offset of the last append, where its frames are on disk and were never in the window; null: they were. */
  get besideFrom(): Offset | null {
    if (this.#words[BESIDE] !== 1) return null
    return joinOffset(this.#words[BASE_LOW] as number, this.#words[BASE_HIGH] as number)
  }

  set(endOffset: Offset, ring: RingId, ringEnd: Position, lastAppend: Position, besideFrom: Offset | null): void {
    this.#words[BESIDE] = besideFrom === null ? 0 : 1
    this.#words[BASE_LOW] = (besideFrom ?? 0) | 0
    this.#words[BASE_HIGH] = highOf(besideFrom ?? 0)
    this.#words[END_LOW] = endOffset | 0
    this.#words[END_HIGH] = highOf(endOffset)
    this.#words[RING] = ring
    this.#words[RING_END] = ringEnd
    this.#words[LAST_APPEND] = lastAppend
  }

  /** Records dropped so far. */
  get dropped(): number {
    return joinOffset(this.#words[DROPPED_LOW] as number, this.#words[DROPPED_HIGH] as number)
  }

  /** Goes with the window's start that it belongs to, also when that is committed by itself. */
  set dropped(records: number) {
    this.#words[DROPPED_LOW] = records | 0
    this.#words[DROPPED_HIGH] = highOf(records)
  }

  /** Whether this process has opened the partition's log on disk before: its end is then the one here. */
  get opened(): boolean {
    return this.#words[OPENED] === 1
  }

  markOpened(): void {
    this.#words[OPENED] = 1
  }
}
