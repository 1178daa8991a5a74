/**
 * Rings of one producer that are being replaced by larger ones, because a record does not fit into them.
 *
 * The producer's thread. Until a partition's writer has moved on, nothing more is published there. Bound: one at a time for each
 * partition.
 */
import type { PartitionWriter } from './partition-writer.ts'
import type { ProducerSurroundings } from './producer-surroundings.ts'

export interface RingGrowthSurroundings {
  readonly growRing: ProducerSurroundings['growRing']
  began(): void
  moved(writer: PartitionWriter): void
  failed(partition: number, error: Error): void
  ended(): void
}

export class RingGrowth {
  readonly #growing = new Set<number>()
  readonly #surroundings: RingGrowthSurroundings

  constructor(surroundings: RingGrowthSurroundings) {
    this.#surroundings = surroundings
  }

  has(partition: number): boolean {
    return this.#growing.size > 0 && this.#growing.has(partition)
  }

  /** Asks for a ring that takes a record of so many bytes, if that has not been done. */
  grow(writer: PartitionWriter, bytes: number): void {
    const { partition, ring } = writer
    if (this.#growing.has(partition)) return
    this.#growing.add(partition)
    const { growRing, began, moved, failed, ended } = this.#surroundings
    began()
    growRing(ring, bytes)
      .then(place => {
        writer.moveTo(place)
        moved(writer)
      })
      .catch((error: Error) => failed(partition, error))
      .finally(() => {
        this.#growing.delete(partition)
        ended()
      })
  }
}
