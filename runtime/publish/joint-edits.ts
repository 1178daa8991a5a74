/**
 * Takes a record out of a frame that is in a ring and that nobody reads.
 *
 * The producer's thread. Records behind it move up, and what becomes free behind the frame is a gap, so that the next record of the ring stays
 * where it is. The receipt's position stays the same. Pure but for the memory.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import { FRAME_COUNT, FRAME_HEADER_BYTES, FRAME_LAST_OFFSET_DELTA } from '../log/format/frame.ts'
import { writeGap } from '../wire/joint-note.ts'

/** `at`: which of its records, of two or more. */
export function takeOut(memory: Memory, frame: number, at: number): void {
  const { i32, u8 } = memory
  const end = frame + align8(i32[frame >> 2] as number)
  let from = frame + FRAME_HEADER_BYTES
  for (let index = 0; index < at; index++) from += align8(i32[from >> 2] as number)
  const next = from + align8(i32[from >> 2] as number)
  const count = (i32[(frame + FRAME_COUNT) >> 2] as number) - 1
  u8.copyWithin(from, next, end)
  const newEnd = end - (next - from)
  for (let index = 0, record = frame + FRAME_HEADER_BYTES; index < count; index++) {
    // Its number in the frame is the lower half of this word.
    const word = (record + 4) >> 2
    i32[word] = ((i32[word] as number) & ~0xffff) | index
    record += align8(i32[record >> 2] as number)
  }
  i32[(frame + FRAME_COUNT) >> 2] = count
  i32[(frame + FRAME_LAST_OFFSET_DELTA) >> 2] = count - 1
  i32[frame >> 2] = newEnd - frame
  writeGap(memory, newEnd, end - newEnd)
}

function align8(bytes: number): number {
  return (bytes + 7) & ~7
}
