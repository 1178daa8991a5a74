/** The receipt of one record; a class, because a million of them should not cost a string each. */
import type { Receipt } from '../types.ts'

export class AppendReceipt implements Receipt {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly durability = 'memory' as const

  constructor(topic: string, partition: number, offset: number) {
    this.topic = topic
    this.partition = partition
    this.offset = offset
  }

  get position(): string {
    return `${this.partition}:${this.offset}`
  }
}
