/** Copies whole frames out of a window whose writer does not overwrite them meanwhile. Any thread. */

import { markAsUntransferable } from 'node:worker_threads'
import type { WindowReader } from 'sharedarraybuffer-ring'
import { FRAME_HEADER_BYTES } from '../log/format/frame.ts'
import type { Assignment } from '../wire/places.ts'
import type { Position } from '../words/quantities.ts'
import type { FetchRoom } from './fetch-room.ts'

/** Below this a copy shares a buffer with others: who keeps one keeps no more than SHARED_BYTES. */
const SMALL_BYTES = 4_096
const SHARED_BYTES = 65_536

/** Bytes of the frame at a position of a window, which has `available` bytes from there on. */
export function frameLength(
  window: WindowReader,
  position: Position,
  available: number,
  { topic, place }: Pick<Assignment, 'topic' | 'place'>,
): number {
  const length = window.word(position)
  if (length >= FRAME_HEADER_BYTES && (length & 7) === 0 && length <= available) return length
  const what = `a frame of length ${length} at position ${position}`
  throw new Error(`broken invariant: topic ${topic.name} partition ${place.partition} has ${what}`)
}

/** Frames from a position on, of the `available` bytes after it at most `most`, or one frame. */
export function copyFrames(
  window: WindowReader,
  position: Position,
  available: number,
  most: number,
  assignment: Pick<Assignment, 'topic' | 'place'>,
  room: FetchRoom | null = null,
): Buffer {
  let bytes = 0
  while (bytes < available) {
    const length = frameLength(window, (position + bytes) | 0, available - bytes, assignment)
    if (bytes > 0 && bytes + length > most) break
    bytes += length
  }
  return copyBytes(window, position, bytes, room)
}

/**
 * Bytes of a window, in private memory. Small ones share a buffer, which cannot be transferred, with those that are copied next to them.
 * `room`: where larger ones go; null: each has a buffer of its own.
 */
export function copyBytes(
  window: WindowReader,
  position: Position,
  bytes: number,
  room: FetchRoom | null = null,
): Buffer {
  const copied = bytes < SMALL_BYTES ? smallBuffer(bytes) : (room?.take(bytes) ?? Buffer.allocUnsafeSlow(bytes))
  window.copyOut(position, bytes, copied, 0)
  return copied
}

/** Of the thread, for small copies: a buffer for each would cost more than what is read from it. */
let shared = Buffer.alloc(0)
let sharedFrom = 0

function smallBuffer(bytes: number): Buffer {
  if (sharedFrom + bytes > shared.length) {
    shared = Buffer.allocUnsafeSlow(SHARED_BYTES)
    markAsUntransferable(shared.buffer)
    sharedFrom = 0
  }
  const start = sharedFrom
  sharedFrom += (bytes + 7) & ~7
  return shared.subarray(start, start + bytes)
}
