/**
 * A queue's message as its consumer sees it: a record that also has its queue, its id and its priority.
 *
 * The consumer's thread. As with any record, what it shows is private to this thread, and stays valid after its settlement.
 */
import { DELIVERY_SUSPECT } from '../link/delivery-writer.ts'
import { HAS_QUEUE_FIELDS, RECORD_HEADER_BYTES, recordIdText } from '../log/format/record.ts'
import { type FetchedFrame, RecordDelivery } from './delivery.ts'
import { deadlineIn, type Request, requestIn } from './message-request.ts'

/** What the messages of one fetch and one timestamp have in common. */
export interface QueueFrame extends FetchedFrame {
  /** Number of the queue's topic. */
  readonly queueId: number
}

/** What a consumer says of a message when it ends. */
export interface HandedMessage {
  readonly tag: number
  readonly offset: number
}

/** A message in this consumer's hands, with its record. */
export interface QueueMessageRef extends HandedMessage {
  readonly deliveryAttempt: number
  readonly failedAttempts: number
  /** Whether it goes alone: it failed before, or may have ended its thread. */
  readonly goesAlone: boolean
  /** Whether its sender waits for an answer. */
  readonly isRequest: boolean
  readonly frame: QueueFrame
  /** Index of its first byte in the frame's buffer. */
  readonly at: number
}

/** Whether a message goes alone that was handed out like this. */
export function goesAlone(failedAttempts: number, flags: number): boolean {
  return failedAttempts > 0 || (flags & DELIVERY_SUSPECT) !== 0
}

/** The id that its sender gave the message at this index, or else a name that no other of the broker has. */
export function messageId({ queueId, buffer }: QueueFrame, at: number, offset: number): string {
  return recordIdText(buffer, at) ?? `${queueId}.${offset}`
}

/** Of the message at this index. One that was sent without fields of its own has the lowest. */
export function messagePriority({ buffer }: QueueFrame, at: number): number {
  const attributes = buffer.readUInt16LE(at + 6)
  return (attributes & HAS_QUEUE_FIELDS) === 0 ? 0 : (buffer[at + RECORD_HEADER_BYTES] as number)
}

export class QueueRecordDelivery<V = unknown> extends RecordDelivery<V> implements HandedMessage {
  readonly #tag: number
  readonly #goesAlone: boolean
  readonly #isRequest: boolean

  constructor({ frame, at, offset, deliveryAttempt, failedAttempts, tag, goesAlone, isRequest }: QueueMessageRef) {
    super(frame, at, offset, deliveryAttempt, failedAttempts)
    this.#tag = tag
    this.#goesAlone = goesAlone
    this.#isRequest = isRequest
  }

  get request(): Request | null {
    return this.#isRequest ? requestIn(this.place[0], this.place[1]) : null
  }

  get deadline(): Date | null {
    return deadlineIn(this.place[0], this.place[1])
  }

  get tag(): number {
    return this.#tag
  }

  get goesAlone(): boolean {
    return this.#goesAlone
  }

  get queue(): string {
    return this.topic
  }

  get id(): string {
    return messageId(this.place[0] as QueueFrame, this.place[1], this.offset)
  }

  get priority(): number {
    return messagePriority(this.place[0] as QueueFrame, this.place[1])
  }

  override toJSON(): unknown {
    return withQueue(super.toJSON(), this)
  }
}

/** What a person wants to see of a message: what that is of a record, and what only messages have. */
export function withQueue(record: unknown, { queue, id, priority }: Shown): unknown {
  return { ...(record as object), queue, id, priority }
}

interface Shown {
  readonly queue: string
  readonly id: string
  readonly priority: number
}
