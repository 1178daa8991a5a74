/**
 * Which offset of a partition a start position means.
 *
 * The partition host's thread. A time is looked for in the log, or in the frames of the window; the first record that is not
 * older counts, in the order of offsets, as the records' own timestamps say.
 */
import type { StartPosition } from '../wire/start-position.ts'
import { MillraceError } from '../words/errors.ts'
import type { PartitionActor } from './partition-actor.ts'

/** @throws MillraceError MILL_OFFSET_GONE, MILL_OUT_OF_RANGE */
export function offsetAt(partition: PartitionActor, place: StartPosition): number {
  const { logStartOffset, highWatermark, topic } = partition
  if (place === 'earliest') return logStartOffset
  if (place === 'latest') return highWatermark
  if ('timeMs' in place) return partition.records.offsetAt(place.timeMs, highWatermark)
  const { offset } = place
  const where = `topic ${topic.name} partition ${partition.partition}`
  if (offset < logStartOffset)
    throw new MillraceError('MILL_OFFSET_GONE', `${where} begins at offset ${logStartOffset}; ${offset} is gone`)
  if (offset > highWatermark)
    throw new MillraceError('MILL_OUT_OF_RANGE', `${where} ends at offset ${highWatermark}; ${offset} is not there yet`)
  return offset
}
