/**
 * What a queue keeps of a message beside key, headers and value: its priority, and when it is due and expires. Checked, and told in the
 * form in which the record has it.
 *
 * The producer's thread. Times count from the moment of the send on the wall clock, because another process may be the one that hands
 * the message out. The queue's host turns them into times of its own clock when it takes the message (message-times.ts).
 */
import { types } from 'node:util'
import { wallMs } from '../../actors/world.ts'
import { PRIORITIES_MAX, type QueueFields } from '../log/format/queue-fields.ts'
import { DATE_MS_MAX } from '../options/option-bounds.ts'
import type { QueueShape } from '../wire/queue-places.ts'
import { MillraceError } from '../words/errors.ts'
import { show } from '../words/names.ts'
import type { QueueMessage } from '../words/queue-message.ts'

const NO_FIELDS: QueueFields = {
  priority: 0,
  keyHash: 0,
  notBefore: null,
  expiresAt: null,
  reply: null,
  deadline: null,
  transaction: null,
  id: null,
}

/** Of messages that have a priority and nothing else, one for all of each. */
const PRIORITY_ONLY: readonly QueueFields[] = Array.from({ length: PRIORITIES_MAX }, (_, priority) => ({
  ...NO_FIELDS,
  priority,
}))

export type GivenTimes = Pick<QueueMessage, 'delayMs' | 'deliverAt' | 'ttlMs'>

/** Null: a record without any. The key's hash is added where the record is written, which has fields where keys are limited. @throws MillraceError MILL_OUT_OF_RANGE, MILL_INVALID_OPTION */
export function messageFields(
  priority: number,
  { delayMs, deliverAt, ttlMs }: GivenTimes,
  { messageTtlMs, keyConcurrency }: Pick<QueueShape, 'messageTtlMs' | 'keyConcurrency'>,
  id: QueueFields['id'] = null,
): QueueFields | null {
  const isPlain = priority === 0 && keyConcurrency === Number.POSITIVE_INFINITY
  const untimed = isPlain ? null : (PRIORITY_ONLY[priority] as QueueFields)
  if (
    delayMs === undefined &&
    deliverAt === undefined &&
    ttlMs === undefined &&
    messageTtlMs === Number.POSITIVE_INFINITY
  )
    return id === null ? untimed : { ...NO_FIELDS, priority, id }
  const now = wallMs()
  const dueAt = dueOf(delayMs, deliverAt, now)
  const expiresAt = expiryOf(ttlMs, messageTtlMs, dueAt)
  if (dueAt === now && expiresAt === null && id === null) return untimed
  return { ...NO_FIELDS, priority, notBefore: dueAt === now ? null : dueAt, expiresAt, id }
}

/** The id's text; null: it has none. */
export function textOfId(fields: QueueFields | null): string | null {
  if (fields === null || fields.id === null) return null
  const { buffer, byteOffset, length } = fields.id.text
  return Buffer.from(buffer, byteOffset, length).toString()
}

/** A date that its caller cannot change any more; what is none stays, and is refused later. */
export function ownDate<D>(date: D | Date): D | Date {
  return types.isDate(date) ? new Date(date) : date
}

/** When it is due, in `wallMs`; not before `now`. */
function dueOf(delayMs: number | undefined, deliverAt: Date | undefined, now: number): number {
  if (deliverAt === undefined) return delayMs === undefined ? now : now + checkedDelay(delayMs, now)
  if (delayMs !== undefined)
    throw new MillraceError('MILL_INVALID_OPTION', 'a message has `delayMs` or `deliverAt`, not both: leave one out')
  if (!types.isDate(deliverAt))
    throw new MillraceError('MILL_INVALID_OPTION', `\`deliverAt\` must be a Date, not ${show(deliverAt)}`)
  const at = Date.prototype.getTime.call(deliverAt)
  if (!Number.isNaN(at)) return Math.max(now, at)
  throw new MillraceError('MILL_OUT_OF_RANGE', '`deliverAt` is an invalid Date: it holds no moment')
}

function checkedDelay(delayMs: number, now: number): number {
  if (typeof delayMs !== 'number') throw invalidTime('delayMs', 'a number of milliseconds, 0 or more', delayMs)
  if (delayMs >= 0 && now + delayMs <= DATE_MS_MAX) return delayMs
  throw new MillraceError(
    'MILL_OUT_OF_RANGE',
    `\`delayMs\` must be 0 or more, and end within what a Date can hold; it is ${delayMs}`,
  )
}

/** When a message that is due at `dueAt` expires, in `wallMs`; null: never. */
function expiryOf(ttlMs: number | undefined, messageTtlMs: number, dueAt: number): number | null {
  const own = ttlMs === undefined ? Number.POSITIVE_INFINITY : checkedTtl(ttlMs, dueAt)
  const at = dueAt + Math.min(own, messageTtlMs)
  return at <= DATE_MS_MAX ? at : null
}

function checkedTtl(ttlMs: number, dueAt: number): number {
  if (typeof ttlMs !== 'number') throw invalidTime('ttlMs', 'a number of milliseconds, 1 or more, or Infinity', ttlMs)
  if (ttlMs === Number.POSITIVE_INFINITY || (ttlMs >= 1 && dueAt + ttlMs <= DATE_MS_MAX)) return ttlMs
  throw new MillraceError(
    'MILL_OUT_OF_RANGE',
    `\`ttlMs\` must be 1 or more, and end within what a Date can hold, or be Infinity; it is ${ttlMs}`,
  )
}

function invalidTime(field: string, wanted: string, found: unknown): MillraceError {
  return new MillraceError('MILL_INVALID_OPTION', `\`${field}\` must be ${wanted}, not ${show(found)}`)
}
