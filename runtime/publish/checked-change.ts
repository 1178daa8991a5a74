/**
 * What is to be different of a message of a queue, checked. Each property is read once. The thread of the caller; pure but for the clock.
 */

import { closest } from '../base/closest.ts'
import type { AskedUpdate } from '../wire/queue-asks.ts'
import type { QueueShape } from '../wire/queue-places.ts'
import { MillraceError } from '../words/errors.ts'
import { show } from '../words/names.ts'
import type { MessageChange } from '../words/queue-update.ts'
import { checkPriority } from './checked-message.ts'
import { changedTimes } from './message-fields.ts'

const FIELDS: readonly string[] = ['priority', 'delayMs', 'deliverAt', 'ttlMs']
const NAMED = '`priority`, `delayMs`, `deliverAt` or `ttlMs`'

/** @throws MillraceError MILL_INVALID_OPTION, MILL_UNKNOWN_OPTION, MILL_OUT_OF_RANGE */
export function checkedChange(
  change: MessageChange,
  queue: string,
  shape: Pick<QueueShape, 'priorities' | 'messageTtlMs'>,
): AskedUpdate {
  if (typeof change !== 'object' || change === null || Array.isArray(change))
    throw new MillraceError('MILL_INVALID_OPTION', `a change is an object with ${NAMED}, not ${show(change)}`)
  for (const name in change) if (Object.hasOwn(change, name) && !FIELDS.includes(name)) throw unknownField(name)
  const { priority, delayMs, deliverAt, ttlMs } = change
  if (priority === undefined && delayMs === undefined && deliverAt === undefined && ttlMs === undefined)
    throw new MillraceError('MILL_INVALID_OPTION', `a change that changes nothing: give it ${NAMED}`)
  if (priority !== undefined) checkPriority(priority, queue, shape.priorities)
  const { waitMs, livesMs, nowMs } = changedTimes({ delayMs, deliverAt, ttlMs }, shape)
  return { priority: priority ?? null, dueMs: waitMs === null ? null : nowMs + waitMs, livesMs }
}

function unknownField(name: string): MillraceError {
  const meant = closest(name, FIELDS)
  const help = meant === undefined ? `it has ${NAMED}` : `did you mean \`${meant}\`?`
  return new MillraceError('MILL_UNKNOWN_OPTION', `a change of a message has no field ${show(name)}: ${help}`)
}
