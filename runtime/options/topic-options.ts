/** Options with which a topic is opened, and how it grows. Any thread. */

import type { TopicOptions } from '../words/topic-definition.ts'
import { rate } from './common-options.ts'
import { GIB, KIB, MIB } from './option-bounds.ts'
import {
  grouped,
  groupNames,
  integer,
  number,
  oneOf,
  outOfRange,
  PARTITIONS_MAX,
  partitioner,
  type Rule,
} from './option-rules.ts'
import { check, type Filled, type Given, type Table } from './option-table.ts'

/** What `maxMessageBytes` may be. */
export const MESSAGE_BYTES_MAX: number = 64 * MIB

export interface CheckedTopicOptions extends Filled<TopicOptions, 'durability' | 'publishRate'>, Given {}

const TOPIC: Table<CheckedTopicOptions> = {
  partitions: integer(1, PARTITIONS_MAX, 1),
  codec: oneOf(['json', 'bytes', 'string'], 'json'),
  maxMessageBytes: integer(1, MESSAGE_BYTES_MAX, MIB),
  windowBytes: integer(64 * KIB, 256 * MIB, 2 * MIB),
  onFull: oneOf(['wait', 'reject'], 'wait'),
  publishRate: rate,
  partitioner: { missing: () => 'default', check: partitioner },
  groups: { missing: () => Object.freeze([]), check: groupNames },
  durability: { missing: () => undefined, check: oneOf(['memory', 'os', 'fsync'], 'memory').check },
  retentionMs: number(1, Number.MAX_SAFE_INTEGER, 7 * 24 * 60 * 60 * 1_000, 'or Infinity'),
  retentionBytes: integer(64 * KIB, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY, 'or Infinity'),
  segmentBytes: integer(64 * KIB, GIB, 64 * MIB),
}

/** That are added to a topic. */
const MORE_PARTITIONS: Rule<number> = integer(1, PARTITIONS_MAX - 1, 1)

/** `windowBytes` comes back as the power of two that is used. @throws MillraceError, as all below */
export function checkTopicOptions(options: unknown): CheckedTopicOptions {
  return check<CheckedTopicOptions>('topic', TOPIC, options, checked => ({
    ...checked,
    windowBytes: roundedWindow(checked),
  }))
}

/** How many partitions are to be added. @throws MillraceError MILL_INVALID_OPTION, MILL_OUT_OF_RANGE */
export function checkPartitionCount(count: unknown): number {
  return MORE_PARTITIONS.check(count, 'count')
}

function roundedWindow({ given, maxMessageBytes, windowBytes }: CheckedTopicOptions): number {
  // A record lies in one piece: in a window of twice the largest, one fits wherever the last one ended.
  const minimum = 2 * maxMessageBytes
  if (given.has('windowBytes') && windowBytes < minimum) {
    throw outOfRange(
      `\`windowBytes\` must be from ${grouped(minimum)} (twice \`maxMessageBytes\`) to ${grouped(256 * MIB)}, ` +
        `not ${grouped(windowBytes)}: raise it, or lower \`maxMessageBytes\``,
    )
  }
  return 2 ** Math.ceil(Math.log2(Math.max(windowBytes, minimum)))
}
