/** The receipts of one record and of one message; classes, because a million of them should not cost a string each. */
import type { ProducedTopic } from '../wire/produced-topic.ts'
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

/** Of a message in a queue. To a handler, whose publishes have one kind of receipt, it is a record of the queue's one partition. */
export class SendReceipt implements QueueReceipt, Receipt {
  readonly queue: string
  readonly durability: Durability
  readonly duplicate: boolean
  readonly #queueId: number
  readonly #offset: number
  readonly #id: string | null

  /** `id`: that which its sender gave it. `duplicate`: the offset is that of the first message with it. */
  constructor(
    queue: string,
    queueId: number,
    offset: number,
    durability: Durability,
    id: string | null = null,
    duplicate = false,
  ) {
    this.queue = queue
    this.durability = durability
    this.duplicate = duplicate
    this.#queueId = queueId
    this.#offset = offset
    this.#id = id
  }

  get id(): string {
    return this.#id ?? messageId(this.#queueId, this.#offset)
  }

  get topic(): string {
    return this.queue
  }

  get partition(): number {
    return 0
  }

  get offset(): number {
    return this.#offset
  }

  get position(): string {
    return `0:${this.#offset}`
  }

  /** For inspection and JSON. */
  toJSON(): QueueReceipt {
    const { queue, id, duplicate, durability } = this
    return { queue, id, duplicate, durability }
  }

  /** Output of console.log. */
  static {
    Object.defineProperty(SendReceipt.prototype, Symbol.for('nodejs.util.inspect.custom'), {
      value(this: SendReceipt): unknown {
        return this.toJSON()
      },
    })
  }
}

/** Of a record that its sender gave no id. */
export function receiptOf({ id, name, durability, queue }: ProducedTopic, partition: number, offset: number): Receipt {
  return queue === undefined
    ? new AppendReceipt(name, partition, offset, durability)
    : new SendReceipt(name, id, offset, durability)
}

/** The name of a message, which no other one of the broker has. */
export function messageId(queueId: number, offset: number): string {
  return `${queueId}.${offset}`
}
