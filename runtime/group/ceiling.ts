/**
 * How far a group that delivers at most once may hand out before its host writes down more: its ceiling.
 *
 * Pure. A claim must be durable before a handler sees the record, and a write for each record would be its price; so an
 * offset ahead of the claims is written, and readers claim up to it. What lies between the last hand-out and the ceiling is
 * passed over when the process is killed, so the stride from one to the other is what the group hands out in AHEAD_MS: a
 * slow handler has one record ahead, and nothing while one is in its hands.
 *
 * ```
 *   claimed        ask              ceiling
 *     |-------------|-----------------|        a stride
 *                   from here on more is asked for, so that readers need not wait for the disk
 * ```
 *
 * Rule: the ceiling of an open slot never goes down. Its reader may have seen the higher one, and goes on up to it without
 * another look; a lower one on disk would let the next process hand out the same records.
 *
 * Bound: a ceiling is at most STRIDE_MAX above what was claimed when it was written, so that no more than IN_DOUBT_MAX
 * records are in doubt after a death; one, if each takes longer than AHEAD_MS.
 */

/** The pace is measured from one ceiling to the next, and half a stride must outlast a sync. */
const AHEAD_MS = 50
/** Records of a partition of which it is not known, after a death, whether they were handed out. */
export const IN_DOUBT_MAX = 1_024
/** Beside them, one may be claimed and in its handler's hands, or on its way there. */
export const STRIDE_MAX: number = IN_DOUBT_MAX - 1
/** A pace that was measured over a moment may be a burst. */
const GROWTH_MAX = 4

export interface Ceiling {
  /** First offset that may not be claimed. */
  readonly offset: number
  readonly stride: number
  /** What was claimed when it was set, and when that was. */
  readonly from: number
  readonly sinceMs: number
}

/** Nothing may be claimed from `offset` on: the group is where it is, exactly. */
export function flatCeiling(offset: number, nowMs: number, stride = 1): Ceiling {
  return { offset, stride, from: offset, sinceMs: nowMs }
}

/** `claimed`: everything below may have been handed out; `returned`: first offset whose handling is not over. */
export function isLow({ offset, stride }: Ceiling, claimed: number, returned: number): boolean {
  // One after the other: the next is not promised before the last one is over.
  if (stride === 1) return claimed > offset || returned >= offset
  return 2 * (offset - claimed) < stride
}

export function raised(ceiling: Ceiling, claimed: number, nowMs: number): Ceiling {
  const stride = nextStride(ceiling, claimed, nowMs)
  return { offset: Math.max(ceiling.offset, claimed + stride), stride, from: claimed, sinceMs: nowMs }
}

/** The claim from which on a reader asks for more; behind the ceiling where it asks only when it may not go on. */
export function askFrom({ offset, stride }: Ceiling): number {
  return stride === 1 ? offset + 1 : offset - Math.ceil(stride / 2) + 1
}

function nextStride({ stride, from, sinceMs }: Ceiling, claimed: number, nowMs: number): number {
  const records = claimed - from
  // Nothing was claimed under it: of the pace no more is known than before.
  if (records <= 0) return stride
  const pace = (records * AHEAD_MS) / Math.max(nowMs - sinceMs, Number.EPSILON)
  return Math.max(1, Math.min(STRIDE_MAX, stride * GROWTH_MAX, Math.round(pace)))
}
