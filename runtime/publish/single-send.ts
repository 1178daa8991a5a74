/** A message on its way to one of several targets, alone on its host. The producer's thread. Until it is sent it waits in routed-sends.ts. */
import { MillraceError } from '../words/errors.ts'
import type { PendingPublish } from './pending-publish.ts'
import type { RouteOutcome } from './route-outcome.ts'
import type { RoutedUnit } from './routed-unit.ts'
import type { TopicProducer } from './topic-producer.ts'

export class SingleSend implements RoutedUnit {
  readonly #producer: TopicProducer
  readonly #pending: PendingPublish
  /** Null: it is the only target. */
  readonly #outcome: RouteOutcome | null
  readonly #at: number

  /** `at`: its place among the targets. */
  constructor(producer: TopicProducer, pending: PendingPublish, outcome: RouteOutcome | null, at: number) {
    this.#producer = producer
    this.#pending = pending
    this.#outcome = outcome
    this.#at = at
    outcome?.held(at)
  }

  get mayRefuse(): boolean {
    return this.#producer.topic.onFull === 'reject'
  }

  get onlyRefuses(): boolean {
    return this.mayRefuse
  }

  get sentBy(): number {
    return this.#pending.deadline
  }

  own(message: Parameters<RoutedUnit['own']>[0]): void {
    const { partition } = this.#pending.message
    this.#pending.message = { ...message(this.#producer), partition }
  }

  send(): boolean {
    // What has ended while it was held was never sent.
    if (this.#pending.done) return true
    try {
      this.#producer.checkOpen({})
      this.#outcome?.sent(this.#at)
      this.#producer.send(this.#pending)
    } catch (error) {
      this.refuse(error as Error)
    }
    return true
  }

  refuse(error: Error): void {
    this.#outcome?.held(this.#at)
    this.#pending.settle(error)
  }

  /** Its producer says so to what it has been sent. */
  failIn(): void {}

  expire(): void {
    const text = 'the publish took longer than its time-out; the message had not been sent to this target'
    this.refuse(new MillraceError('MILL_TIMEOUT', text, { retriable: true }))
  }
}
