/**
 * How large rings of producers are: at first, when they are full, when a record is too large for one, and when memory is short.
 *
 * Leaf, the control thread. While little of the broker's memory is taken, rings are at once as large as they may become. Later
 * ones begin small, and a ring that was full once, or has a record that it cannot take, becomes larger.
 */
import type { TopicShape } from '../wire/places.ts'

/** A ring that was never full, where there are many: frames of up to half of it go through. */
export const RING_REST_BYTES = 8_192
/** A ring that may be full has at least this. */
const RING_BYTES = 131_072
/**
 * Where there are few partitions a ring has room for several frames that are on their way, or its producer and its host would
 * take turns: one partition takes twice to three times as much. But all rings of a producer have no more than this.
 */
const RING_BYTES_MAX = 524_288
const RINGS_BYTES_MAX = 4_194_304

/** Bytes that a ring may have because it is full; a topic with small windows is not meant to hold much. */
export function widestRing({ windowBytes }: TopicShape, partitions: number): number {
  const most = Math.min(RING_BYTES_MAX, windowBytes / 4, RINGS_BYTES_MAX / 2 ** Math.ceil(Math.log2(partitions)))
  return Math.max(RING_BYTES, most)
}

/** Bytes of a ring that takes records of so many bytes. */
export function ringFor(bytes: number, capacity: number): number {
  let wider = capacity * 2
  while (wider < bytes * 4) wider *= 2
  return wider
}
