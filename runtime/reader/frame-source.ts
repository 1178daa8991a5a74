/**
 * Where a reader's frames come from: whole, in order, copied into private memory. That is allocated anew for each fetch, because deliveries
 * may be kept. Where nothing of them is kept, it is one room for all fetches (fetch-room.ts).
 *
 * The reader's thread. A topic in memory is read out of its window (window-source.ts); one on disk out of its window while
 * that has what is wanted, and else out of its log (log-source.ts).
 */
import type { Offset } from '../words/quantities.ts'

/** A fetch has so many bytes at most, or one frame. */
export const FETCH_BYTES = 65_536

export interface FrameSource {
  /** Whether there is more than was fetched so far. */
  ready(): boolean
  /** The frames after those that were fetched last; null: there are none now. */
  fetch(): Buffer | null
  /** Everything below `offset` is settled, and needed no more. */
  release(offset: Offset): void
  /** Whether what is fetched and not released is a quarter of what there is room for. */
  crowdsWindow(): boolean
  /** Nothing is fetched any more. */
  close(): void
}
