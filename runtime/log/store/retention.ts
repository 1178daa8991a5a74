/**
 * Which closed segments of a log may be removed: from the oldest on, by their age, or while the log is too large.
 *
 * Leaf, any thread. Pure. The active segment stays, so that a log is never without one.
 */
import type { LogSegment } from '../recovery/log-segment.ts'

/** What may be removed; a closed segment goes if either says so. */
export interface Retention {
  /** Segments whose records are all older than this, in ms since the epoch: by their timestamps, or by when they were appended. */
  readonly beforeMs?: number
  /** The oldest segments, while the files are larger than this in all. */
  readonly bytesMax?: number
}

/** Where a log of these segments, oldest first, would begin if all that may be removed were. */
export function startAfter(segments: readonly LogSegment[], retention: Retention): number {
  const { beforeMs = Number.NEGATIVE_INFINITY, bytesMax = Number.POSITIVE_INFINITY } = retention
  let left = segments.reduce((sum, { bytes }) => sum + bytes, 0)
  for (const [at, segment] of segments.entries()) {
    const next = segments[at + 1]
    if (next === undefined || (left <= bytesMax && newestMs(segment, next) >= beforeMs)) return segment.baseOffset
    left -= segment.bytes
  }
  throw new Error('broken invariant: a log has no segment')
}

/**
 * How new the newest record of a closed segment is. A timestamp that a publisher gave may lie in the future, and would keep the
 * segment until then: nothing in it was appended after the next one was made. Where the clock was set back in between, the
 * segment's own beginning counts, so that nothing goes for a clock that was wrong.
 */
function newestMs({ maxTimestamp, createdMs }: LogSegment, next: LogSegment): number {
  return Math.min(maxTimestamp, Math.max(createdMs, next.createdMs))
}
