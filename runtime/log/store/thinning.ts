/**
 * Which segment of a queue's log is to be rewritten next.
 *
 * The partition host's thread. Pure. Counts of messages tell it, for their sizes are known only to the segment: one that was
 * read and found too full is looked at again when half as many of its messages are needed.
 *
 * Bound: a number for each segment that was read.
 */
import { FRAME_HEADER_BYTES } from '../format/frame.ts'
import { SEGMENT_HEADER_BYTES } from '../format/segment-format.ts'
import type { LogSegment } from '../recovery/log-segment.ts'
import type { RewritePlan } from './segment-rewrite.ts'
import type { SettledState } from './settled-state.ts'

/** Rewritten is what keeps less than this share. */
const KEPT_MAX = 0.25
/** The segment that the floor is in is mostly removed so soon after most of it was settled. */
const HEAD_MS = 1_000
/** In an index offsets have 32 bits. */
const JOINED_OFFSETS_MAX: number = 2 ** 31
/** A segment of so few bytes cannot become smaller. */
const LEAST_BYTES: number = SEGMENT_HEADER_BYTES + FRAME_HEADER_BYTES

/** What is known of the segments of one queue. */
export class Thinning {
  /** Messages that were needed of a segment when it was last read, by its base. */
  readonly #read = new Map<number, number>()
  /** The segment that the floor is in, once it could be rewritten, and since when. */
  #head = -1
  #headMs = 0

  /** It was read, and rewritten or not; without a state it is to stay as it is. */
  note(segment: LogSegment, state: SettledState | null): void {
    this.#read.set(segment.baseOffset, state === null ? 0 : neededIn(segment, state))
  }

  /** Fewer than so many messages of it must be needed. */
  limitOf({ baseOffset, endOffset }: LogSegment): number {
    const read = this.#read.get(baseOffset)
    return read === undefined ? (endOffset - baseOffset) * KEPT_MAX : read / 2
  }

  /** Since when the segment that the floor is in, the oldest one, could be rewritten. Those before it are gone. */
  headSince({ baseOffset }: LogSegment, nowMs: number): number {
    if (baseOffset === this.#head) return this.#headMs
    for (const base of this.#read.keys()) if (base < baseOffset) this.#read.delete(base)
    this.#head = baseOffset
    this.#headMs = nowMs
    return nowMs
  }
}

function neededIn({ baseOffset, endOffset }: LogSegment, state: SettledState): number {
  return endOffset - baseOffset - state.settled.countIn(baseOffset, endOffset)
}

/** Closed segments, one behind the other, in which nothing is needed and that all end at `end` or before. */
export function nextToJoin(
  segments: readonly LogSegment[],
  state: SettledState,
  end: number,
): { readonly first: LogSegment; readonly count: number } | null {
  const closed = segments.length - 1
  for (let at = 0; at + 1 < closed; at++) {
    const first = segments[at] as LogSegment
    let count = 0
    while (at + count < closed && isJoinable(segments[at + count] as LogSegment, first, state, end)) count++
    if (count > 1) return { first, count }
  }
  return null
}

function isJoinable(segment: LogSegment, first: LogSegment, state: SettledState, end: number): boolean {
  const { endOffset } = segment
  return endOffset <= end && endOffset - first.baseOffset <= JOINED_OFFSETS_MAX && neededIn(segment, state) === 0
}

/** The oldest closed segment that is to be rewritten. `none`: none is, before more is settled; `later`: it is too early. */
export function nextToRewrite(
  segments: readonly LogSegment[],
  state: SettledState,
  thinning: Thinning,
  nowMs: number,
): RewritePlan | 'none' | 'later' {
  let isLater = false
  for (let at = 0; at < segments.length - 1; at++) {
    const segment = segments[at] as LogSegment
    if (segment.bytes <= LEAST_BYTES) continue
    const needed = neededIn(segment, state)
    if (needed >= thinning.limitOf(segment)) continue
    if (at === 0 && segment.baseOffset <= state.floor && nowMs - thinning.headSince(segment, nowMs) < HEAD_MS) {
      isLater = true
      continue
    }
    return {
      segment,
      isNeeded: offset => offset >= state.floor && !state.settled.has(offset),
      isEmpty: needed === 0,
      bytesMax: Math.floor(segment.bytes * KEPT_MAX),
    }
  }
  return isLater ? 'later' : 'none'
}
