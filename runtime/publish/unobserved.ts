/**
 * Records that `tryPublish` took and that were not appended: told as one event for each partition, and by the next flush.
 *
 * The producer's thread. Bound: one count for each partition; of several errors of a partition the last is told.
 */
import type { ProducedTopic } from '../wire/produced-topic.ts'
import { FullError } from '../words/errors.ts'
import type { PartitionWriter } from './partition-writer.ts'
import { fullText } from './pending-publish.ts'
import type { ProducerUpcalls } from './producer-upcalls.ts'

interface Loss {
  readonly count: number
  readonly error: Error
}

export class Unobserved {
  readonly #topic: ProducedTopic
  readonly #upcalls: ProducerUpcalls
  /** By partition, what is not told yet. */
  readonly #lost = new Map<number, Loss>()
  /** Why something was lost since the last flush. */
  #refusal: Error | null = null

  constructor(topic: ProducedTopic, upcalls: ProducerUpcalls) {
    this.#topic = topic
    this.#upcalls = upcalls
  }

  /** `count` records for that partition are lost to the error. */
  lost(partition: number, count: number, error: Error): void {
    this.#lost.set(partition, { count: (this.#lost.get(partition)?.count ?? 0) + count, error })
  }

  /** Takes over what the host has refused of the writer's records. */
  takeFrom(writer: PartitionWriter): void {
    const count = writer.refusedUnobserved
    if (count === 0) return
    writer.refusedUnobserved = 0
    this.lost(writer.partition, count, writer.diskFailure ?? new FullError(fullText(this.#topic), undefined))
  }

  /** Tells what was lost. */
  announce(): void {
    if (this.#lost.size === 0) return
    const told = [...this.#lost]
    this.#lost.clear()
    for (const [partition, { count, error }] of told) {
      this.#refusal = error
      this.#upcalls.publishFailed(this.#topic.name, partition, count, error)
    }
  }

  /** What the next flush rejects with. */
  takeRefusal(): Error | null {
    const refusal = this.#refusal
    this.#refusal = null
    return refusal
  }
}
