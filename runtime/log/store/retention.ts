/**
 * The closed segments of a log that may be removed: from the oldest on, by their age, while the log is too large, or
 * because nothing in them is needed any more.
 *
 * Leaf, any thread. Pure. The active segment stays, so that a log is never without one.
 */
import type { LogSegment } from '../recovery/log-segment.ts'
import type { StoredTopic } from './stored-topic.ts'

/** Limits of retention; a closed segment is removed if either says so. */
export interface Retention {
  /**
   * Time in ms since the epoch: segments whose records are all older are removed. A record's age is that of its
   * timestamp, or of its append.
   */
  readonly beforeMs?: number
  /** The oldest segments, while the files are larger than this in all. */
  readonly bytesMax?: number
  /** Segments that end at this offset or before: no record below it is needed. */
  readonly below?: number
}

/** What a topic's own limits allow now; null: it has none. */
export function retentionOf({ retention: { bytesMax, ageMaxMs } }: StoredTopic, nowMs: number): Retention | null {
  if (bytesMax === null && ageMaxMs === null) return null
  return {
    bytesMax: bytesMax ?? Number.POSITIVE_INFINITY,
    beforeMs: ageMaxMs === null ? Number.NEGATIVE_INFINITY : nowMs - ageMaxMs,
  }
}

/** Begin of a log of these segments, oldest first, after all allowed removals. */
export function startAfter(segments: readonly LogSegment[], retention: Retention): number {
  const { beforeMs = Number.NEGATIVE_INFINITY, bytesMax = Number.POSITIVE_INFINITY, below = 0 } = retention
  let left = segments.reduce((sum, { bytes }) => sum + bytes, 0)
  for (const [at, segment] of segments.entries()) {
    const next = segments[at + 1]
    if (next === undefined) return segment.baseOffset
    const isNeeded = segment.endOffset > below && left <= bytesMax && newestMs(segment, next) >= beforeMs
    if (isNeeded) return segment.baseOffset
    left -= segment.bytes
  }
  throw new Error('broken invariant: a log has no segment')
}

/**
 * Age of the newest record of a closed segment. A publisher's timestamp may lie in the future, and would keep the
 * segment until then. But no record in it was appended after the next segment was made. Where the clock was set back in
 * between, the segment's own begin counts, so that a wrong clock removes nothing.
 */
function newestMs({ maxTimestamp, createdMs }: LogSegment, next: LogSegment): number {
  return Math.min(maxTimestamp, Math.max(createdMs, next.createdMs))
}
