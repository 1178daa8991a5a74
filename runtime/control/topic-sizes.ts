/**
 * How much shared memory a partition of a topic in memory gets, where the caller does not say: less the more partitions there are.
 *
 * Leaf, the control thread. Bounds: all windows of a topic take no more than SHARE of what is free, and a window shrinks with the third
 * power of what is free once half is taken; none is smaller than LEAST_BYTES. So hundreds of topics fit, and the first ones are fast.
 */
import type { TopicSettings } from './same-options.ts'

const LEAST_BYTES = 65_536
const SHARE = 1 / 6

/** All of the broker's shared memory, and what of it is free. */
export interface Free {
  readonly totalBytes: number
  readonly freeBytes: number
}

type Sizes = Pick<TopicSettings, 'maxMessageBytes' | 'windowBytes'>

/** `settings` have the defaults for what is not in `given`. A window holds the largest record twice, as topic-options.ts says. */
export function topicSizes(
  { partitions, maxMessageBytes, windowBytes }: Sizes & Pick<TopicSettings, 'partitions'>,
  given: readonly string[],
  { totalBytes, freeBytes }: Free,
): Sizes {
  if (given.includes('windowBytes')) return { maxMessageBytes, windowBytes }
  const isGiven = given.includes('maxMessageBytes')
  const least = isGiven ? Math.max(LEAST_BYTES, 2 ** Math.ceil(Math.log2(2 * maxMessageBytes))) : LEAST_BYTES
  const most = Math.min(windowBytes * ((2 * freeBytes) / totalBytes) ** 3, (freeBytes * SHARE) / partitions)
  let bytes = windowBytes
  while (bytes > least && bytes > most) bytes /= 2
  return { maxMessageBytes: isGiven ? maxMessageBytes : Math.min(maxMessageBytes, bytes / 2), windowBytes: bytes }
}
