/**
 * What the snapshots of one thread may cost while no stop waits for them, over all partitions that it handles: a tenth of its
 * time. What a crash makes it handle again is what came in between two of them.
 *
 * The handling thread; shared by the keepers of a run on it (snapshot-keeper.ts), which come and go with its partitions.
 */

const COSTS_MAX = 0.1

export class SnapshotBudget {
  #keepers = 0

  enter(): void {
    this.#keepers++
  }

  leave(): void {
    this.#keepers--
  }

  /** How much later a keeper whose snapshot cost this much may take its next one. */
  pauseMs(costMs: number): number {
    return (costMs * this.#keepers) / COSTS_MAX
  }
}
