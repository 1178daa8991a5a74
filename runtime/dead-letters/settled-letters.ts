/**
 * Which offsets of one partition are settled: all below one offset, and ranges above it.
 *
 * Pure: what is to change is worked out first (`adding`, `raising`, `cutting`), written down by the caller, and only then
 * taken over (`apply`), so that nothing counts as settled which a successor would not find settled.
 *
 * Ranges are kept in pieces of PIECE_OFFSETS offsets, and none reaches from one piece into the next: a change concerns few
 * pieces, whatever lies in others. Bound: PIECE_OFFSETS / 2 ranges in a piece, and as many pieces as there are between
 * `below` and the last settled offset.
 *
 * ```
 * piece n   from, to, from, to, ...   offsets n * PIECE_OFFSETS and up; ascending, `to` not included, never touching
 * ```
 */
import type { Offset } from '../words/quantities.ts'

const PIECE_OFFSETS = 1_024

/** `from, to, from, to, ...` */
export type Ranges = readonly number[]

/** What is different from before. */
export interface SettledChange {
  readonly below: number
  /** By piece; without ranges, the piece is gone. */
  readonly pieces: ReadonlyMap<number, Ranges>
}

const NONE: Ranges = []

export class SettledLetters {
  readonly #pieces: Map<number, Ranges>
  #below: number

  constructor(below: number, pieces: Iterable<readonly [number, Ranges]> = []) {
    this.#below = below
    this.#pieces = new Map(pieces)
  }

  /** All offsets before this one are settled. */
  get below(): number {
    return this.#below
  }

  has(offset: Offset): boolean {
    return offset < this.#below || rangeAt(this.#pieces.get(pieceOf(offset)) ?? NONE, offset) !== -1
  }

  /** These are settled as well; null: they are already. */
  adding(offsets: Iterable<number>): SettledChange | null {
    const pieces = new Map<number, Ranges>()
    for (const offset of offsets) {
      if (offset < this.#below) continue
      const piece = pieceOf(offset)
      const ranges = pieces.get(piece) ?? this.#pieces.get(piece) ?? NONE
      if (rangeAt(ranges, offset) === -1) pieces.set(piece, withOffset(ranges, offset))
    }
    return pieces.size === 0 ? null : this.#risen(this.#below, pieces)
  }

  /** All below this offset are settled; null: they are already. */
  raising(below: number): SettledChange | null {
    return below <= this.#below ? null : this.#risen(below, new Map())
  }

  /** None from this offset on is settled; null: none is. */
  cutting(end: number): SettledChange | null {
    const pieces = new Map<number, Ranges>()
    for (const [piece, ranges] of this.#pieces)
      if ((ranges.at(-1) as number) > end) pieces.set(piece, clipped(ranges, Number.NEGATIVE_INFINITY, end))
    return pieces.size === 0 && this.#below <= end ? null : { below: Math.min(this.#below, end), pieces }
  }

  apply({ below, pieces }: SettledChange): void {
    this.#below = below
    for (const [piece, ranges] of pieces) {
      if (ranges.length === 0) this.#pieces.delete(piece)
      else this.#pieces.set(piece, ranges)
    }
  }

  /** Raises `below` over the ranges that it meets, and drops what lies behind it. */
  #risen(from: number, changed: Map<number, Ranges>): SettledChange {
    let below = from
    for (;;) {
      const ranges = changed.get(pieceOf(below)) ?? this.#pieces.get(pieceOf(below)) ?? NONE
      const at = rangeAt(ranges, below)
      if (at === -1) break
      below = ranges[at + 1] as number
    }
    for (const [piece, ranges] of [...this.#pieces, ...changed]) {
      const known = changed.get(piece) ?? ranges
      if ((known[0] ?? below) < below) changed.set(piece, clipped(known, below, Number.POSITIVE_INFINITY))
    }
    return { below, pieces: changed }
  }
}

function pieceOf(offset: Offset): number {
  return Math.floor(offset / PIECE_OFFSETS)
}

/** Index of the range that holds the offset; -1: none does. */
function rangeAt(ranges: Ranges, offset: Offset): number {
  for (let at = 0; at < ranges.length && (ranges[at] as number) <= offset; at += 2)
    if (offset < (ranges[at + 1] as number)) return at
  return -1
}

/** With one more offset, which was in none of them. */
function withOffset(ranges: Ranges, offset: Offset): Ranges {
  const next = ranges.findIndex((edge, at) => at % 2 === 0 && edge > offset)
  const at = next === -1 ? ranges.length : next
  const joinsBefore = at > 0 && ranges[at - 1] === offset
  const joinsAfter = ranges[at] === offset + 1
  return [
    ...ranges.slice(0, joinsBefore ? at - 1 : at),
    ...(joinsBefore ? [] : [offset]),
    ...(joinsAfter ? [] : [offset + 1]),
    ...ranges.slice(joinsAfter ? at + 1 : at),
  ]
}

/** What of the ranges lies from `from` up to `to`. */
function clipped(ranges: Ranges, from: number, to: number): Ranges {
  const left: number[] = []
  for (let at = 0; at < ranges.length; at += 2) {
    const [first, last] = [Math.max(ranges[at] as number, from), Math.min(ranges[at + 1] as number, to)]
    if (first < last) left.push(first, last)
  }
  return left
}
