/** Frames as partitions make them, and what a log of them is expected to hold. */
import { crc32 } from 'node:zlib'
import { Memory } from 'sharedarraybuffer-ring'
import type { LogReader } from '../read/log-reader.ts'
import type { PartitionLog } from '../store/partition-log.ts'
import { FRAME_HEADER_BYTES, placeFrame, signBody, writeSealedHeader } from './frame.ts'
import { describeFrame, type ScannedFrame } from './frame-scan.ts'
import { gapFrame } from './gap-frame.ts'
import { RECORD_HEADER_BYTES } from './record.ts'
import type { LogSettings } from './segment-format.ts'

export const FOLDER = '/log/orders-3'
export const SETTINGS: LogSettings = {
  logId: Uint8Array.from({ length: 16 }, (_, at) => at + 1),
  topic: 7,
  partition: 3,
  segmentBytes: 4096,
  frameBytesMax: 2048,
}

const memory = Memory.allocate(1 << 20)

export interface FrameShape {
  readonly baseOffset: number
  /** A record for each, this many ms after `baseTimestamp`. */
  readonly deltas: readonly number[]
  readonly baseTimestamp: number
  /** Of each record. */
  readonly valueBytes: number
}

/** A frame, signed and placed, in private memory. */
export function frameOf({ baseOffset, deltas, baseTimestamp, valueBytes }: FrameShape): Buffer {
  const recordBytes = RECORD_HEADER_BYTES + valueBytes
  const stride = Math.ceil(recordBytes / 8) * 8
  const length = FRAME_HEADER_BYTES + stride * deltas.length
  const bytes = Buffer.from(memory.buffer, 0, length).fill(0)
  for (const [at, delta] of deltas.entries()) {
    const record = FRAME_HEADER_BYTES + at * stride
    bytes.writeUInt32LE(recordBytes, record)
    bytes.writeUInt16LE(at, record + 4)
    bytes.writeInt32LE(delta, record + 8)
    bytes.fill(`${baseOffset + at};`, record + RECORD_HEADER_BYTES, record + recordBytes)
  }
  writeSealedHeader(memory, 0, {
    length,
    attributes: 0,
    count: deltas.length,
    baseTimestamp,
    maxTimestampDelta: Math.max(0, ...deltas),
    producerId: 5,
    producerEpoch: 0,
    baseSequence: baseOffset % 1000,
    ring: 2,
    ringEnd: 0,
  })
  signBody(memory, 0)
  placeFrame(memory, 0, baseOffset)
  return Buffer.from(bytes)
}

/** The frames that these bytes hold. */
export function framesIn(bytes: Buffer): ScannedFrame[] {
  const frames: ScannedFrame[] = []
  for (let at = 0; at < bytes.length; at += bytes.readInt32LE(at)) frames.push(describeFrame(bytes, at, at))
  return frames
}

/** Appends one frame of `records` at the end of the log, and returns it. */
export function appendFrame(
  log: Pick<PartitionLog, 'append' | 'endOffset'>,
  records = 1,
  valueBytes = 100,
  baseTimestamp = 1000,
): Buffer {
  const baseOffset = log.endOffset
  const deltas = Array.from({ length: records }, (_, at) => at)
  const frame = frameOf({ baseOffset, deltas, baseTimestamp, valueBytes })
  const maxTimestamp = baseTimestamp + records - 1
  log.append([frame], { baseOffset, endOffset: baseOffset + records, maxTimestamp }, frame.length)
  return frame
}

/** Appends a gap over so many offsets, and returns it. */
export function appendGap(log: Pick<PartitionLog, 'append' | 'endOffset'>, offsets: number): Buffer {
  const baseOffset = log.endOffset
  const frame = gapFrame(baseOffset, offsets)
  const maxTimestamp = Number.NEGATIVE_INFINITY
  log.append([frame], { baseOffset, endOffset: baseOffset + offsets, maxTimestamp }, frame.length)
  return frame
}

/** The frame as code of before wrote it. */
export function asFirstVersion(frame: Buffer): Buffer {
  const before = Buffer.from(frame)
  before.writeUInt8(1, 4)
  before.writeUInt32LE(crc32(before.subarray(0, 64)), 64)
  return before
}

/** Every frame from an offset up to the end, fetch by fetch. */
export function readAll(reader: LogReader, from: number, endOffset: number, bytesMax = 1000): Buffer[] {
  const frames: Buffer[] = []
  for (let offset = from; offset < endOffset; ) {
    const found = framesIn(reader.read(offset, endOffset, bytesMax))
    if (found.length === 0) throw new Error(`nothing was read at offset ${offset} of ${endOffset}`)
    for (const { bytes, endOffset: next } of found) {
      frames.push(bytes)
      offset = next
    }
  }
  return frames
}
