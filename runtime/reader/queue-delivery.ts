/**
 * A queue's message as its consumer sees it: a record that also has its queue, its id and its priority.
 *
 * The consumer's thread. As with any record, what it shows is private to this thread, and stays valid after its settlement.
 */
import type { TakenDelivery } from '../link/delivery-reader.ts'
import { HAS_QUEUE_FIELDS, RECORD_HEADER_BYTES } from '../log/format/record.ts'
import { type FetchedFrame, RecordDelivery } from './delivery.ts'

/** What the messages of one fetch and one timestamp have in common. */
export interface QueueFrame extends FetchedFrame {
  /** Number of the queue's topic. */
  readonly queueId: number
}

/** A message in this consumer's hands, with its record. */
export interface QueueMessageRef {
  readonly taken: TakenDelivery
  readonly frame: QueueFrame
  /** Index of its first byte in the frame's buffer. */
  readonly at: number
}

/** Name of the message: no other of the broker has it. */
export function messageId({ frame: { queueId }, taken: { offset } }: QueueMessageRef): string {
  return `${queueId}.${offset}`
}

/** A message that was sent without fields of its own has the lowest. */
export function messagePriority({ frame: { buffer }, at }: QueueMessageRef): number {
  const attributes = buffer.readUInt16LE(at + 6)
  return (attributes & HAS_QUEUE_FIELDS) === 0 ? 0 : (buffer[at + RECORD_HEADER_BYTES] as number)
}

export class QueueRecordDelivery<V = unknown> extends RecordDelivery<V> implements QueueMessageRef {
  readonly taken: TakenDelivery
  readonly frame: QueueFrame
  readonly at: number

  constructor(taken: TakenDelivery, frame: QueueFrame, at: number) {
    super(frame, at, taken.offset, taken.deliveryAttempt, taken.failedAttempts)
    this.taken = taken
    this.frame = frame
    this.at = at
  }

  get queue(): string {
    return this.topic
  }

  get id(): string {
    return messageId(this)
  }

  get priority(): number {
    return messagePriority(this)
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
