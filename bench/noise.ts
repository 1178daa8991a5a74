/**
 * How steady the machine is: the same arithmetic, timed once in every round of every subject.
 *
 * Main thread. Nothing else of ours runs meanwhile, so that only the machine can make it slower.
 */
import { compute } from './compute.ts'
import { startStopwatch } from './stopwatch.ts'

/** About 10 ms. */
const steps = 10_000_000

export class Noise {
  readonly #ms: number[] = []

  sample(): void {
    const elapsed = startStopwatch()
    compute(steps)
    this.#ms.push(elapsed() * 1_000)
  }

  toString(): string {
    const sorted = this.#ms.toSorted((a, b) => a - b)
    if (sorted.length === 0) return 'the machine was not watched'
    const at = (share: number): string =>
      (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number).toFixed(1)
    return `noise of the machine: a fixed loop, ${sorted.length} times between the runs, took ${at(0.5)} ms (${at(0)} to ${at(1)}, p90 ${at(0.9)})`
  }
}
