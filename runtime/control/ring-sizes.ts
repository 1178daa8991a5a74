/** How large rings of producers are. Leaf, the control thread. */
import type { TopicShape } from '../places.ts'

/** Rings start at this size; a record that is too large for one makes it grow. */
const RING_BYTES = 131_072
/**
 * Where there are few partitions a ring has room for several frames that are on their way, or its producer and its host would
 * take turns: one partition takes twice to three times as much. But all rings of a producer have no more than this.
 */
const RING_BYTES_MAX = 524_288
const RINGS_BYTES_MAX = 4_194_304

/** Bytes of a producer's ring into each partition; a topic with small windows is not meant to hold much. */
export function ringCapacity({ partitions, windowBytes }: TopicShape): number {
  const most = Math.min(RING_BYTES_MAX, windowBytes / 4, RINGS_BYTES_MAX / 2 ** Math.ceil(Math.log2(partitions)))
  return Math.max(RING_BYTES, most)
}
