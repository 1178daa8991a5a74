/**
 * What a queue keeps of a message beside key, headers and value: its priority, and when it is due and expires. Checked.
 *
 * The producer's thread. Times count from the moment of the send, on the clock of the process, so that a message may wait for room while
 * the wall clock is set. Its record has them on the wall clock, because another process may be the one that hands it out. The
 * queue's host turns them back when it takes the message (window-times.ts, stored-times.ts).
 */
import { types } from 'node:util'
import { instant } from '../base/instant.ts'
import type { RequestAddress } from '../link/answers.ts'
import { PRIORITIES_MAX, type QueueFields } from '../log/format/queue-fields.ts'
import { DATE_MS_MAX } from '../options/option-bounds.ts'
import type { QueueShape } from '../wire/queue-places.ts'
import { MillraceError } from '../words/errors.ts'
import type { PublishOptions } from '../words/message.ts'
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

/** Whether they are those of a message that has a priority, or a key that counts, and nothing else. */
export function arePriorityOnly(fields: QueueFields): boolean {
  return fields === PRIORITY_ONLY[fields.priority]
}

export type GivenTimes = Pick<QueueMessage, 'delayMs' | 'deliverAt' | 'ttlMs'>

/**
 * Null: a record without any; where keys are limited each has fields. Times are in `nowMs`; `onWallClock` and the key's hash come when
 * the record is written.
 *
 * @throws MillraceError MILL_OUT_OF_RANGE, MILL_INVALID_OPTION
 */
export function messageFields(
  priority: number,
  { delayMs, deliverAt, ttlMs }: GivenTimes,
  { messageTtlMs, keyConcurrency }: Pick<QueueShape, 'messageTtlMs' | 'keyConcurrency'>,
  id: QueueFields['id'] = null,
  request?: SentRequest,
): QueueFields | null {
  if (request !== undefined) return requestFields(priority, { delayMs, deliverAt, ttlMs }, messageTtlMs, id, request)
  const isPlain = priority === 0 && keyConcurrency === Number.POSITIVE_INFINITY
  const untimed = isPlain ? null : (PRIORITY_ONLY[priority] as QueueFields)
  if (
    delayMs === undefined &&
    deliverAt === undefined &&
    ttlMs === undefined &&
    messageTtlMs === Number.POSITIVE_INFINITY
  )
    return id === null ? untimed : { ...NO_FIELDS, priority, id }
  const at = instant()
  const waitMs = waitOf(delayMs, deliverAt, at.wallMs)
  const livesMs = lifeOf(ttlMs, messageTtlMs, at.wallMs + waitMs)
  if (waitMs === 0 && livesMs === null && id === null) return untimed
  const dueMs = at.nowMs + waitMs
  const expiresAt = livesMs === null ? null : dueMs + livesMs
  return { ...NO_FIELDS, priority, notBefore: waitMs === 0 ? null : dueMs, expiresAt, id }
}

/** Who sends a request, which of its own it is, and until when it waits for the answer, in `nowMs`. */
export interface SentRequest extends RequestAddress {
  readonly deadlineMs: number
  /** After it was aborted: it has come to that offset of its queue nevertheless, and its sender takes it back. */
  readonly appendedLate?: (offset: number) => void
}

/** Of one message. */
export interface SendOptions extends PublishOptions {
  /** Its sender waits for an answer; left out: it does not. */
  readonly request?: SentRequest
  /** When it is not worth its work any more, whatever else it says, in `nowMs`; left out: never. */
  readonly untilMs?: number
}

/** The same fields of a message to a queue that expires by then. */
export function expiringBy(fields: QueueFields | null, untilMs: number, priority: number): QueueFields {
  const expiresAt = Math.min(fields?.expiresAt ?? Number.POSITIVE_INFINITY, untilMs)
  return { ...(fields ?? { ...NO_FIELDS, priority }), expiresAt }
}

/** It lives as long as its sender waits, if it has no shorter time to live. */
function requestFields(
  priority: number,
  { delayMs, deliverAt, ttlMs }: GivenTimes,
  messageTtlMs: number,
  id: QueueFields['id'],
  { client, request, deadlineMs }: SentRequest,
): QueueFields {
  if (delayMs !== undefined || deliverAt !== undefined)
    throw new MillraceError(
      'MILL_INVALID_OPTION',
      'a request has neither `delayMs` nor `deliverAt`: its sender waits for the answer; send it when it is due',
    )
  const at = instant()
  const livesMs = lifeOf(ttlMs, messageTtlMs, at.wallMs) ?? Number.POSITIVE_INFINITY
  const expiresAt = Math.min(at.nowMs + livesMs, deadlineMs)
  return { ...NO_FIELDS, priority, expiresAt, reply: { client, request }, deadline: deadlineMs, id }
}

/** What a change of a message says of its times, checked: how long it is not due, and how long it lives from then on; null: nothing. */
export function changedTimes(
  { delayMs, deliverAt, ttlMs }: GivenTimes,
  { messageTtlMs }: Pick<QueueShape, 'messageTtlMs'>,
): { readonly waitMs: number | null; readonly livesMs: number | null; readonly nowMs: number } {
  const { nowMs, wallMs } = instant()
  const isDelayed = delayMs !== undefined || deliverAt !== undefined
  const waitMs = isDelayed ? waitOf(delayMs, deliverAt, wallMs) : null
  const livesMs =
    ttlMs === undefined ? null : (lifeOf(ttlMs, messageTtlMs, wallMs + (waitMs ?? 0)) ?? Number.POSITIVE_INFINITY)
  return { waitMs, livesMs, nowMs }
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

/** Whether they have times. */
export function haveTimes({ notBefore, expiresAt }: QueueFields): boolean {
  return notBefore !== null || expiresAt !== null
}

/** The same with their times on the wall clock, as they are written now. */
export function onWallClock(fields: QueueFields): QueueFields {
  if (!haveTimes(fields)) return fields
  const { notBefore, expiresAt } = fields
  const at = instant()
  const ms = at.wallMs - at.nowMs
  return {
    ...fields,
    notBefore: notBefore === null ? null : notBefore + ms,
    expiresAt: expiresAt === null ? null : expiresAt + ms,
  }
}

/** For how long it is not due, from `now` on the wall clock. */
function waitOf(delayMs: number | undefined, deliverAt: Date | undefined, now: number): number {
  if (deliverAt === undefined) return delayMs === undefined ? 0 : checkedDelay(delayMs, now)
  if (delayMs !== undefined)
    throw new MillraceError('MILL_INVALID_OPTION', 'a message has `delayMs` or `deliverAt`, not both: leave one out')
  if (!types.isDate(deliverAt))
    throw new MillraceError('MILL_INVALID_OPTION', `\`deliverAt\` must be a Date, not ${show(deliverAt)}`)
  const at = Date.prototype.getTime.call(deliverAt)
  if (!Number.isNaN(at)) return Math.max(0, at - now)
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

/** For how long a message lives that is due at `dueAt` on the wall clock; null: for ever. */
function lifeOf(ttlMs: number | undefined, messageTtlMs: number, dueAt: number): number | null {
  const own = ttlMs === undefined ? Number.POSITIVE_INFINITY : checkedTtl(ttlMs, dueAt)
  const lives = Math.min(own, messageTtlMs)
  return dueAt + lives <= DATE_MS_MAX ? lives : null
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
