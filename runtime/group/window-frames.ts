/** Copies whole frames out of a window that nobody overwrites meanwhile. Any thread. */
import type { WindowReader } from 'sharedarraybuffer-ring'
import { FRAME_HEADER_BYTES } from '../log/frame.ts'
import type { Assignment } from '../places.ts'

/** Frames from a position on, of the `available` bytes after it at most `most`, or one frame. */
export function copyFrames(
  window: WindowReader,
  position: number,
  available: number,
  most: number,
  { topic, place }: Pick<Assignment, 'topic' | 'place'>,
): Buffer {
  let bytes = 0
  while (bytes < available) {
    const length = window.word((position + bytes) | 0)
    if (length < FRAME_HEADER_BYTES || (length & 7) !== 0 || length > available - bytes) {
      const what = `a frame of length ${length} at position ${(position + bytes) | 0}`
      throw new Error(`broken invariant: topic ${topic.name} partition ${place.partition} has ${what}`)
    }
    if (bytes > 0 && bytes + length > most) break
    bytes += length
  }
  const frames = Buffer.allocUnsafeSlow(bytes)
  window.copyOut(position, bytes, frames, 0)
  return frames
}
