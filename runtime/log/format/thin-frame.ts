/**
 * A frame without those of its records that are not needed any more. The others keep their bytes, and all its offsets stay
 * its own.
 *
 * Leaf, any thread. Pure. The frame was checked before. Its time stays that of its newest record, though that may be gone: it is
 * an upper bound. Named producers find their last number in frames, so this is not for logs that they write to.
 */
import { crc32 } from 'node:zlib'
import {
  FRAME_ATTRIBUTES,
  FRAME_BODY_CRC,
  FRAME_COUNT,
  FRAME_HAS_QUEUE_FIELDS,
  FRAME_HEADER_BYTES,
  FRAME_HEADER_CRC,
  FRAME_LENGTH,
  frameStart,
} from './frame.ts'
import { HAS_QUEUE_FIELDS } from './record.ts'

/** The frame itself where all its records are needed; null: none is. */
export function thinFrame(frame: Buffer, isNeeded: (offset: number) => boolean): Buffer | null {
  const baseOffset = frameStart(frame)
  const kept: Buffer[] = []
  let attributes = frame.readUInt16LE(FRAME_ATTRIBUTES) & ~FRAME_HAS_QUEUE_FIELDS
  for (let at = FRAME_HEADER_BYTES; at < frame.length; ) {
    const next = at + ((frame.readUInt32LE(at) + 7) & ~7)
    if (isNeeded(baseOffset + frame.readUInt16LE(at + 4))) {
      kept.push(frame.subarray(at, next))
      if ((frame.readUInt16LE(at + 6) & HAS_QUEUE_FIELDS) !== 0) attributes |= FRAME_HAS_QUEUE_FIELDS
    }
    at = next
  }
  if (kept.length === 0) return null
  if (kept.length === frame.readUInt32LE(FRAME_COUNT)) return frame
  const thin = Buffer.concat([frame.subarray(0, FRAME_HEADER_BYTES), ...kept])
  thin.writeInt32LE(thin.length, FRAME_LENGTH)
  thin.writeUInt16LE(attributes, FRAME_ATTRIBUTES)
  thin.writeUInt32LE(kept.length, FRAME_COUNT)
  thin.writeUInt32LE(crc32(thin.subarray(FRAME_HEADER_BYTES)), FRAME_BODY_CRC)
  thin.writeUInt32LE(crc32(thin.subarray(0, FRAME_HEADER_CRC)), FRAME_HEADER_CRC)
  return thin
}
