/**
 * Frames on their way into one partition: what the way in (appender.ts) must know of them, whoever they come from.
 *
 * The partition host's thread. A batch is walked once: `next`, then `advance` over the frame that was taken or refused. When that
 * is committed, or is given up for good, all frames walked over are answered, the bytes given back, and whoever waits is told.
 * What the batch has beyond that stays in it.
 *
 * Two kinds ship: a producer's ring (incoming-ring.ts) and frames that this thread has made (made-frames.ts): dead letters, and
 * whatever else a partition host comes to append by itself.
 */
import type { WindowWriter } from 'sharedarraybuffer-ring'
import type { FrameMemory } from '../log/format/frame.ts'

export interface FrameBatch {
  /** Of the ring that it comes by, which a successor finds in the last commit; 0: this thread made it. */
  readonly id: number
  /** How far that ring is walked; a commit keeps it. */
  readonly head: number
  /** Bytes that are there and were not walked over. */
  readonly ready: number
  /** Where its frames lie. */
  readonly memory: FrameMemory
  /** Frames that may be walked over now: there is room for so many answers. */
  room(): number
  /** Address of the next frame, or the ring's `EMPTY` or `CORRUPT`. */
  next(): number
  /** Walks over the frame that `next` is at, which stays valid until `release`. */
  advance(bytes: number): void
  /** Copies a frame to the end of a window. */
  copyTo(window: WindowWriter, address: number, bytes: number): void
  /** Answers the frames walked over since the last `release`, as they say, or all of them with this failure. */
  answer(failure: number | null): void
  /** Gives back what was walked over. */
  release(): void
  /** Whoever waits sees the answers, and is woken. */
  tell(): void
}
