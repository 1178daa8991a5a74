/**
 * The windows of a host's partitions on disk that are larger than at rest, or may have to be: looked at while there are any.
 *
 * The partition host's thread, between two commits. Partitions that take nothing are in no list here. Bound: its partitions.
 */
import type { HostNotice } from '../wire/host-calls.ts'
import type { StoredWindow, WindowTold } from './stored-window.ts'

export class WindowLoans implements WindowTold {
  readonly #tell: (notice: HostNotice) => void
  readonly #lookMs: number
  readonly #woken: () => void
  readonly #busy = new Set<StoredWindow>()
  #lookedMs = 0

  /** `woken`: called when it has a partition to look at. */
  constructor(lookMs: number, tell: (notice: HostNotice) => void, woken: () => void) {
    this.#lookMs = lookMs
    this.#woken = woken
    this.#tell = tell
  }

  isBusy(window: StoredWindow): void {
    this.#busy.add(window)
    this.#woken()
  }

  asks({ topic, partition }: StoredWindow, bytes: number): void {
    this.#tell({ kind: 'windowAsked', topic, partition, bytes })
  }

  moved({ topic, partition }: StoredWindow, address: number, number: number): void {
    this.#tell({ kind: 'windowMoved', topic, partition, address, number })
  }

  /** Its topic is no more. */
  forget(window: StoredWindow | null): void {
    if (window !== null) this.#busy.delete(window)
  }

  /** Looks, if it is time for that. */
  tend(nowMs: number): void {
    if (this.#busy.size === 0 || nowMs - this.#lookedMs < this.#lookMs) return
    this.#lookedMs = nowMs
    for (const window of this.#busy) if (!window.look()) this.#busy.delete(window)
  }

  /** When it is to be looked next; Infinity: no partition is busy. */
  dueInMs(nowMs: number): number {
    return this.#busy.size === 0 ? Number.POSITIVE_INFINITY : Math.max(1, this.#lookedMs + this.#lookMs - nowMs)
  }
}
