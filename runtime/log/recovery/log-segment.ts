/** One segment as its writer knows it. Leaf, any thread. */
import { SEGMENT_HEADER_BYTES } from '../format/segment-format.ts'
import type { IndexSummary } from '../format/segment-index.ts'

/** One segment as its writer knows it. */
export interface LogSegment extends IndexSummary {
  readonly baseOffset: number
  endOffset: number
  /** Size of the file. */
  bytes: number
  /** Largest timestamp of all its frames; -Infinity without any. */
  maxTimestamp: number
  /** When its file was made, by the wall clock of that moment; -Infinity: that is not known. */
  readonly createdMs: number
}

export function emptySegment(baseOffset: number, createdMs: number): LogSegment {
  const maxTimestamp = Number.NEGATIVE_INFINITY
  return { baseOffset, endOffset: baseOffset, bytes: SEGMENT_HEADER_BYTES, maxTimestamp, createdMs }
}
