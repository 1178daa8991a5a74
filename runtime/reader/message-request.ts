/**
 * What a queue's message says of who waits for an answer to it, and until when it is worth the work, as its consumer reads that.
 *
 * The consumer's thread. Pure but for the clocks, which turn the deadline of the process into a moment for people.
 */
import { instant } from '../base/instant.ts'
import type { RequestAddress } from '../link/answers.ts'
import { areOfRequest, expiresAtAt, REPLY_BYTES, REPLY_REQUEST, replyAtOf } from '../log/format/queue-fields.ts'
import { HAS_QUEUE_FIELDS, RECORD_HEADER_BYTES } from '../log/format/record.ts'
import type { FetchedFrame } from './delivery.ts'

/** A message whose sender waits for an answer. */
export interface Request extends RequestAddress {
  /** When it waits no more, in `nowMs`. */
  readonly deadlineMs: number
}

/** Index of the queue fields of the record at this one; -1: it has none. */
function fieldsAt({ buffer }: FetchedFrame, at: number): number {
  return (buffer.readUInt16LE(at + 6) & HAS_QUEUE_FIELDS) === 0 ? -1 : at + RECORD_HEADER_BYTES
}

/** What the message at this index is as a request; null: it is none. */
export function requestIn(frame: FetchedFrame, at: number): Request | null {
  const fields = fieldsAt(frame, at)
  const { buffer } = frame
  const word = fields === -1 ? 0 : buffer.readInt32LE(fields)
  if (!areOfRequest(word)) return null
  const reply = fields + replyAtOf(word)
  return {
    client: buffer.readInt32LE(reply),
    request: buffer.readDoubleLE(reply + REPLY_REQUEST),
    deadlineMs: buffer.readDoubleLE(reply + REPLY_BYTES),
  }
}

/** Until when the message at this index is worth the work, as seen from now; null: for ever. */
export function deadlineIn(frame: FetchedFrame, at: number): Date | null {
  const request = requestIn(frame, at)
  const now = instant()
  const onWallClock = (ms: number): number => now.wallMs + (ms - now.nowMs)
  const fields = fieldsAt(frame, at)
  const part = fields === -1 ? 0 : expiresAtAt(frame.buffer.readInt32LE(fields))
  const expires = part === 0 ? 0 : frame.buffer.readDoubleLE(fields + part)
  // One in memory has its time on the clock of the process (window-times.ts).
  const life = expires === 0 ? Number.POSITIVE_INFINITY : expires < 0 ? onWallClock(-expires) : expires
  const least = Math.min(life, request === null ? life : onWallClock(request.deadlineMs))
  return least === Number.POSITIVE_INFINITY ? null : new Date(Math.round(least))
}
