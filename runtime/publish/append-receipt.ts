/** The receipt of one record; a class, because a million of them should not cost a string each. */
import type { Durability, Receipt } from '../words/message.ts'

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
