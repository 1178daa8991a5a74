/**
 * How a request ends for its caller: the value that it resolves with, or the error that says why there is none. The requester's thread; pure.
 */
import type { AnswerKind, ValueKind } from '../link/answers.ts'
import { type ErrorWire, fromWire, RequestError } from '../words/errors.ts'
import type { RequestFailure } from '../words/queue-request.ts'

/** Bytes are the answer's own. */
export function answerValue(kind: ValueKind, bytes: Uint8Array): unknown {
  if (kind === 'nothing') return undefined
  return kind === 'bytes' ? bytes : JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString())
}

const SAID: Readonly<Record<Exclude<RequestFailure, 'duplicate'>, string>> = {
  failed: 'its handler failed as often as the queue allows',
  rejected: 'its handler rejected it',
  timeout: 'its handler did not end in time, as often as the queue allows',
  crashed: 'the thread that handled it ended, as often as the queue allows',
  decode: 'its value does not decode',
  expired: 'its time was over before it was handled',
  maxlen: 'the queue was full, and it was dropped to make room',
  cancelled: 'it was cancelled',
  purged: 'it was purged',
  reply: 'it was handled, and what its handler returned cannot be sent back',
  lost: 'it was handled, and its answer was lost on the way: too many bytes of answers wait for this thread, or a partition thread ended',
}

/** `bytes`: an error as JSON, or nothing. */
export function answerError(queue: string, kind: Exclude<AnswerKind, ValueKind>, bytes: Uint8Array): RequestError {
  const wire = bytes.length === 0 ? null : (JSON.parse(Buffer.from(bytes).toString()) as ErrorWire)
  const why = wire === null ? '' : `: ${wire.message}`
  const cause = wire === null ? undefined : fromWire(wire)
  return new RequestError(`a request to queue ${queue} has no answer: ${SAID[kind]}${why}`, kind, cause)
}

export function duplicateError(queue: string, id: string): RequestError {
  return new RequestError(
    `a request to queue ${queue} has no answer: a message with the id ${id} was sent before, and its sender has the answer`,
    'duplicate',
  )
}
