/**
 * A single publish that has a frame of its own, as in a queue with bounds or ids.
 *
 * The producer's thread. Its promise follows no other one: with a run (publish-run.ts) for each, two promises would wait for each receipt.
 * Bound: one record.
 */
import type { ProducedTopic } from '../wire/produced-topic.ts'
import type { RouteReceipt } from '../words/exchange.ts'
import type { Message, Receipt } from '../words/message.ts'
import { type ErrorOf, PlainPublishes } from './plain-publishes.ts'
import type { WaitingRoom } from './waiting-room.ts'

export class LonePublish extends PlainPublishes {
  readonly receipt: Promise<Receipt | RouteReceipt>
  readonly #original: Message
  #resolve!: (receipt: Receipt | RouteReceipt) => void
  #reject!: (error: Error) => void

  constructor(topic: ProducedTopic, room: WaitingRoom, partition: number, isRouted: boolean, original: Message) {
    super(topic, room, partition, isRouted)
    this.#original = original
    this.receipt = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  protected tell(offset: number): void {
    this.#resolve(this.receiptAt(offset))
  }

  protected reject(errorOf: ErrorOf): void {
    this.#reject(errorOf(this.#original))
  }
}
