/**
 * What a consumer answers to a request: the value that its handler gave back, as bytes. The consumer's thread; pure.
 *
 * Bytes stay bytes, and all else is JSON, whatever the codec of the queue is. What cannot be written, or is larger than a message of the
 * queue may be, is told to the caller as an error: the work is done, and doing it again would end the same way.
 */
import { types } from 'node:util'
import type { AnswerKind } from '../link/answers.ts'
import type { FailHow } from '../link/link.ts'
import type { Request } from '../reader/message-request.ts'
import type { HandedMessage } from '../reader/queue-delivery.ts'
import type { QueueReader } from '../reader/queue-reader.ts'
import { bytesOf, jsonText } from '../words/codec.ts'
import { type ErrorWire, MillraceError, toWire } from '../words/errors.ts'

export interface Answer {
  readonly kind: AnswerKind
  readonly bytes: Uint8Array
}

const NOTHING: Answer = Object.freeze<Answer>({ kind: 'nothing', bytes: new Uint8Array(0) })

/** What is done with a message of a queue. */
interface DoneMessage extends HandedMessage {
  readonly request: Request | null
}

/**
 * It is done: acked, and answered with this value if its sender waits for that. `isAcked`: it was acked before its handler was called, and has
 * no claim any more.
 */
export function ackOrReply(reader: QueueReader, message: DoneMessage, value: unknown, isAcked = false): void {
  const { tag, offset, request: to } = message
  if (to === null) reader.ack(tag)
  else reader.reply(offset, isAcked ? 0 : tag, { to, ...answerOf(value, reader.assignment.topic.maxMessageBytes) })
}

/** It was acked before, and has failed: its sender hears of that from here. */
export function lost(reader: QueueReader, message: DoneMessage, how: FailHow, error: ErrorWire): void {
  const { offset, request: to } = message
  reader.lost(message, how, error)
  if (to !== null) reader.reply(offset, 0, { to, kind: how, bytes: Buffer.from(JSON.stringify(error)) })
}

/** Never throws, whatever the value is. */
export function answerOf(value: unknown, bytesMax: number): Answer {
  if (value === undefined) return NOTHING
  try {
    const answer = encoded(value)
    return answer.bytes.length <= bytesMax ? answer : noReply(tooLarge(answer.bytes.length, bytesMax))
  } catch (error) {
    return noReply(error)
  }
}

function encoded(value: unknown): Answer {
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value))
    return { kind: 'bytes', bytes: Uint8Array.from(bytesOf(value)) }
  return { kind: 'json', bytes: Buffer.from(jsonText(value)) }
}

function noReply(error: unknown): Answer {
  return { kind: 'reply', bytes: Buffer.from(JSON.stringify(toWire(error))) }
}

function tooLarge(bytes: number, bytesMax: number): MillraceError {
  return new MillraceError(
    'MILL_TOO_LARGE',
    `a reply of ${bytes} bytes is over maxMessageBytes of its queue, which is ${bytesMax}; raise that option, or store the result elsewhere`,
  )
}
