/**
 * Records that `tryPublish` took and that were not appended: told as one event for each partition, and by flushes (flushes.ts).
 *
 * The producer's thread. Bound: one count for each partition; of several errors of a partition the last is told.
 */
import type { ProducedTopic } from '../wire/produced-topic.ts'
import { FullError } from '../words/errors.ts'
import type { Flushes } from './flushes.ts'
import type { PartitionWriter } from './partition-writer.ts'
import type { ProducerUpcalls } from './producer-upcalls.ts'
import { fullText } from './publish-ends.ts'

interface Loss {
  readonly count: number
  readonly error: Error
}

export class Unobserved {
  readonly #topic: ProducedTopic
  readonly #upcalls: ProducerUpcalls
  readonly #flushes: Flushes
  /** By partition, what is not told yet. */
  readonly #lost = new Map<number, Loss>()

  constructor(topic: ProducedTopic, upcalls: ProducerUpcalls, flushes: Flushes) {
    this.#topic = topic
    this.#upcalls = upcalls
    this.#flushes = flushes
  }

  /** `count` records for that partition are lost to the error; flushes hear of it otherwise. */
  lost(partition: number, count: number, error: Error): void {
    this.#lost.set(partition, { count: (this.#lost.get(partition)?.count ?? 0) + count, error })
  }

  /** Takes over what the host has refused of the writer's records. */
  takeFrom(writer: PartitionWriter): void {
    const refused = writer.refused.take()
    if (refused === null) return
    const error = writer.diskFailure ?? new FullError(fullText(this.#topic), undefined)
    this.#flushes.lostInFrames(writer.partition, refused, error)
    this.lost(writer.partition, refused.count, error)
  }

  /** The record for that partition that waited under this serial is lost to the error. */
  lostWaiting(partition: number, serial: number, error: Error): void {
    this.#flushes.lostWaiting(serial, error)
    this.lost(partition, 1, error)
  }

  /** Tells what was lost. */
  announce(): void {
    if (this.#lost.size === 0) return
    const told = [...this.#lost]
    this.#lost.clear()
    for (const [partition, { count, error }] of told)
      this.#upcalls.publishFailed(this.#topic.name, partition, count, error)
  }
}
