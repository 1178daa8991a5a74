/** Checks the position from which a caller reads. The caller's thread. */

import type { TopicShape } from '../wire/places.ts'
import type { StartPosition } from '../wire/start-position.ts'
import { MillraceError } from '../words/errors.ts'
import { show } from '../words/names.ts'

/** @throws MillraceError MILL_INVALID_OPTION, MILL_OUT_OF_RANGE */
export function startPosition(
  from: 'earliest' | 'latest' | number | Date,
  partition: number | undefined,
  topic: Pick<TopicShape, 'name' | 'partitions'>,
  mayBeLatest = false,
): StartPosition {
  if (partition !== undefined && partition >= topic.partitions) {
    const most = topic.partitions - 1
    throw new MillraceError('MILL_OUT_OF_RANGE', `partition ${partition} of topic ${topic.name} is not in 0 to ${most}`)
  }
  if (from === 'earliest' || from === 'latest') return from
  if (from instanceof Date && !Number.isNaN(from.getTime())) return { timeMs: from.getTime() }
  if (typeof from === 'number' && Number.isSafeInteger(from) && from >= 0) {
    if (partition !== undefined) return { offset: from }
    throw new MillraceError(
      'MILL_INVALID_OPTION',
      `offset ${from} needs a \`partition\`: offsets are a partition's own`,
    )
  }
  throw new MillraceError(
    'MILL_INVALID_OPTION',
    `a place to read from is 'earliest',${mayBeLatest ? " 'latest'," : ''} an offset from 0 on, or a Date, not ${show(from)}`,
  )
}
