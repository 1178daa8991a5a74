/** The receipts of one record and of one message; classes, because a million of them should not cost a string each. */
import type { Durability, Receipt } from '../words/message.ts'
import type { QueueReceipt } from '../words/queue-message.ts'

export class AppendReceipt implements Receipt {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly durability: Durability

  constructor(topic: string, partition: number, offset: number, durability: Durability) {
    this.topic = topic
    this.partition = partition
    this.offset = offset
    this.durability = durability
  }

  get position(): string {
    return `${this.partition}:${this.offset}`
  }
}

/** Of a message in a queue, which has one partition. */
export class SendReceipt extends AppendReceipt implements QueueReceipt {
  readonly #queueId: number

  constructor(queue: string, queueId: number, offset: number, durability: Durability) {
    super(queue, 0, offset, durability)
    this.#queueId = queueId
  }

  get queue(): string {
    return this.topic
  }

  get id(): string {
    return messageId(this.#queueId, this.offset)
  }
}

/** The name of a message, which no other one of the broker has. */
export function messageId(queueId: number, offset: number): string {
  return `${queueId}.${offset}`
}
