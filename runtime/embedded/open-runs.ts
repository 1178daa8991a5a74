/**
 * The runs that a creating thread holds, by number, and failures of those that it does not know yet.
 *
 * The creating thread. The start and the failure of a run arrive by two ports, of which neither waits for the other:
 * the failure of a run may arrive before its number is known here. It is delivered as soon as the run is held.
 *
 * Bound: EARLY_MAX failures without a holder; the oldest is dropped, which is of a run that has ended here before.
 */
import type { OpenWork } from './linger-watch.ts'

const EARLY_MAX = 256

/** Called when a run ends other than by its own `stop`. */
export interface RunObserver {
  /** What a line says of it; missing: nothing does. */
  readonly work?: OpenWork
  failed(error: Error): void
  /** The broker was closed, and the run with it. */
  closed(): void
}

export class OpenRuns {
  readonly #runs = new Map<number, RunObserver>()
  readonly #early = new Map<number, Error>()

  /** Runs that are held, and have not ended. */
  get numbers(): number[] {
    return [...this.#runs.keys()]
  }

  /** Those of which a line may say something. */
  get work(): OpenWork[] {
    return [...this.#runs.values()].flatMap(({ work }) => work ?? [])
  }

  /** Holds a run, and notifies its observer at once if it has failed already. */
  hold(run: number, observer: RunObserver): void {
    this.#runs.set(run, observer)
    const error = this.#early.get(run)
    if (error === undefined) return
    this.#early.delete(run)
    observer.failed(error)
  }

  letGo(run: number): void {
    this.#runs.delete(run)
  }

  failed(run: number, error: Error): void {
    const observer = this.#runs.get(run)
    if (observer !== undefined) {
      observer.failed(error)
      return
    }
    const [oldest] = this.#early.keys()
    if (oldest !== undefined && this.#early.size >= EARLY_MAX) this.#early.delete(oldest)
    this.#early.set(run, error)
  }

  allFailed(error: Error): void {
    for (const observer of [...this.#runs.values()]) observer.failed(error)
  }

  allClosed(): void {
    for (const observer of [...this.#runs.values()]) observer.closed()
  }
}
