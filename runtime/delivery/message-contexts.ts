/**
 * The context of the next message of a queue's consumer: one serves several messages, as long as each ends plainly.
 *
 * The handling thread. A message that is pending keeps its context, as does a request, or one whose signal was looked at: no other
 * message has its publishes, its deadline or its signal. Bound: one, and those of what is pending.
 */
import type { DeliveryContext } from './delivery-context.ts'

export class MessageContexts {
  readonly #consumer: DeliveryContext
  current: DeliveryContext

  constructor(consumer: DeliveryContext) {
    this.#consumer = consumer
    this.current = consumer.forDelivery()
  }

  /** The message that has it is pending. */
  next(): void {
    this.current = this.#consumer.forDelivery()
  }

  /** The messages that had it are over. */
  over(): void {
    if (!this.current.hasSignal && this.current.deadlineMs === Number.POSITIVE_INFINITY) return
    this.current.over()
    this.next()
  }
}
