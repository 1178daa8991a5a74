/** Frames of one record, as bytes of a window and as a fetch has them: record `n` has offset `n`, a key of three, and a value. */
import { FRAME_BASE_OFFSET, FRAME_COUNT, FRAME_HEADER_BYTES } from '../log/format/frame.ts'
import { HAS_KEY, RECORD_HEADER_BYTES } from '../log/format/record.ts'
import { codecOf } from '../words/codec.ts'
import type { FetchedFrame } from './delivery.ts'
import { FetchedBytes } from './fetched-bytes.ts'

export const keyOf = (n: number): string => `k${n % 3}`
export const textOf = (n: number): string => `value ${n}`

/** The frame's bytes; its record begins behind the frame's header. */
export function frameOf(n: number): Buffer {
  const [key, value] = [keyOf(n), textOf(n)]
  const length = RECORD_HEADER_BYTES + key.length + value.length
  const frame = Buffer.from(new ArrayBuffer(FRAME_HEADER_BYTES + ((length + 7) & ~7)))
  frame.writeUInt32LE(frame.length, 0)
  frame.writeUInt32LE(n, FRAME_BASE_OFFSET)
  frame.writeUInt32LE(1, FRAME_COUNT)
  frame.writeUInt32LE(length, FRAME_HEADER_BYTES)
  frame.writeUInt16LE(HAS_KEY, FRAME_HEADER_BYTES + 6)
  frame.writeUInt32LE(key.length, FRAME_HEADER_BYTES + 12)
  frame.write(key + value, FRAME_HEADER_BYTES + RECORD_HEADER_BYTES)
  return frame
}

export function fetchedFrame(n: number): FetchedFrame {
  const buffer = frameOf(n)
  const words = new Int32Array(buffer.buffer)
  const codec = codecOf('string')
  return { buffer, bytes: new FetchedBytes(buffer), words, codec, topic: 'orders', partition: 0, baseTimestamp: 0 }
}
