/**
 * Reads a range of a topic on disk again, without a group: from a place on, up to what there was when it was asked for.
 *
 * The caller's thread, with files of its own. Nothing is held back and nothing is committed; the same range reads the same
 * bytes again. Bound: one fetch of FETCH_BYTES, or one frame, and one open file.
 */

import { setImmediate } from '../../actors/world.ts'
import { OffsetGoneError } from '../log/disk/log-errors.ts'
import { openDisk } from '../log/disk/world-disk.ts'
import { FRAME_BASE_TIMESTAMP, FRAME_HEADER_BYTES } from '../log/format/frame.ts'
import { describeFrame } from '../log/format/frame-scan.ts'
import { LogReader } from '../log/read/log-reader.ts'
import { storeError } from '../log/store/store-errors.ts'
import type { TopicShape } from '../wire/places.ts'
import type { ReadRange } from '../wire/start-position.ts'
import { codecOf } from '../words/codec.ts'
import type { Delivery } from '../words/delivery.ts'
import { MillraceError } from '../words/errors.ts'
import type { Offset, PartitionId } from '../words/quantities.ts'
import { RecordDelivery } from './delivery.ts'
import { FetchedBytes } from './fetched-bytes.ts'
import { FETCH_BYTES } from './frame-source.ts'

/** @throws MillraceError MILL_OFFSET_GONE, MILL_CORRUPT, MILL_DISK, MILL_ABORTED */
export async function* replayRange<V>(
  topic: TopicShape,
  { partition, place, from, to }: ReadRange,
  signal: AbortSignal | undefined,
): AsyncGenerator<Delivery<V>, void, void> {
  const { folder, logId, topic: id, segmentBytes, frameBytesMax } = place
  const reader = new LogReader(openDisk(), folder, { logId, topic: id, partition, segmentBytes, frameBytesMax })
  try {
    for (let offset = from; offset < to; ) {
      if (signal?.aborted === true)
        throw new MillraceError('MILL_ABORTED', `reading topic ${topic.name} again was aborted`, {
          cause: signal.reason,
        })
      const frames = read(reader, offset, to, topic.name, partition)
      for (let at = 0; at < frames.length; ) {
        const { length, endOffset } = describeFrame(frames, at, 0)
        for (const delivery of recordsOf<V>(frames, at, length, topic, partition))
          if (delivery.offset >= offset && delivery.offset < to) yield delivery
        offset = endOffset
        at += length
      }
      // Files are read on this thread: others have their turn in between.
      await new Promise(setImmediate)
    }
  } finally {
    reader.close()
  }
}

function read(reader: LogReader, offset: Offset, to: number, topic: string, partition: PartitionId): Buffer {
  try {
    return reader.read(offset, to, FETCH_BYTES)
  } catch (error) {
    if (!(error instanceof OffsetGoneError)) throw storeError(error)
    throw new MillraceError(
      'MILL_OFFSET_GONE',
      `topic ${topic} partition ${partition} begins at offset ${error.earliest} by now; ${offset} is gone`,
      { cause: error },
    )
  }
}

function* recordsOf<V>(
  buffer: Buffer,
  at: number,
  length: number,
  topic: TopicShape,
  partition: PartitionId,
): Generator<RecordDelivery<V>, void, void> {
  const bytes = new FetchedBytes(buffer)
  const words = new Int32Array(buffer.buffer, buffer.byteOffset, buffer.length >> 2)
  const baseTimestamp = buffer.readDoubleLE(at + FRAME_BASE_TIMESTAMP)
  const { baseOffset } = describeFrame(buffer, at, 0)
  const frame = { buffer, bytes, words, codec: codecOf(topic.codec), topic: topic.name, partition, baseTimestamp }
  for (let record = at + FRAME_HEADER_BYTES; record < at + length; ) {
    const index = record >> 2
    const offset = baseOffset + ((words[index + 1] as number) & 0xffff)
    yield new RecordDelivery<V>(frame, record, offset, 1, 0)
    record += ((words[index] as number) + 7) & ~7
  }
}
