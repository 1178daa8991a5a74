/**
 * What `tryPublish` had taken and was not appended after all: told as an event, and by the next flush.
 *
 * The producer's thread. Bound: the last failure.
 */
import { FullError } from '../errors.ts'
import type { PartitionWriter } from './partition-writer.ts'
import { fullText } from './pending-publish.ts'
import type { ProducerSurroundings } from './producer-surroundings.ts'

export class Refusals {
  #last: Error | null = null

  announce(topic: string, writers: readonly PartitionWriter[], told: ProducerSurroundings['publishFailed']): void {
    for (const writer of writers) {
      const count = writer.refusedUnobserved
      if (count === 0) continue
      writer.refusedUnobserved = 0
      this.#last = writer.diskFailure ?? new FullError(fullText(topic), undefined)
      told(topic, writer.partition, count, this.#last)
    }
  }

  /** Why something was refused since this was asked last; null: nothing was. */
  take(): Error | null {
    const refusal = this.#last
    this.#last = null
    return refusal
  }
}
