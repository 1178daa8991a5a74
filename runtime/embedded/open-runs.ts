/**
 * The runs that a creating thread holds, by number, and failures of those that it does not know yet.
 *
 * The creating thread. That a run was started and that it has failed come by two ports, of which neither waits for the
 * other: a run may be said to have failed before its number is known here. It is told as soon as somebody holds it.
 *
 * Bound: EARLY_MAX failures that nobody has asked for; the oldest goes, which is of a run that has ended here before.
 */

const EARLY_MAX = 256

/** Told when a run ends other than by its own `stop`. */
export interface RunObserver {
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

  /** Holds a run, and tells it at once if it has failed already. */
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
