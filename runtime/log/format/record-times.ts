/**
 * Finds the first record of a frame that is not older than a time.
 *
 * Leaf, any thread. The frame's CRCs were checked: records that do not fill it are then a broken invariant.
 */
import { FRAME_BASE_TIMESTAMP, FRAME_HEADER_BYTES } from './frame.ts'
import type { ScannedFrame } from './frame-scan.ts'
import { RECORD_HEADER_BYTES } from './record.ts'

/** Offset of the record; null if all records are older. */
export function firstRecordSince(frame: ScannedFrame, timeMs: number): number | null {
  const { bytes, baseOffset, length } = frame
  const baseTimestamp = bytes.readDoubleLE(FRAME_BASE_TIMESTAMP)
  for (let at = FRAME_HEADER_BYTES; at + RECORD_HEADER_BYTES <= length; ) {
    if (baseTimestamp + bytes.readInt32LE(at + 8) >= timeMs) return baseOffset + bytes.readUInt16LE(at + 4)
    const recordBytes = bytes.readUInt32LE(at)
    if (recordBytes < RECORD_HEADER_BYTES)
      throw new Error(`broken invariant: the frame at offset ${baseOffset} holds a record of ${recordBytes} bytes`)
    at += Math.ceil(recordBytes / 8) * 8
  }
  return null
}
