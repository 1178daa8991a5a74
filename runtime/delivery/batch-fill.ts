/**
 * When records that may go are called for: at once, or when a batch is full, or when the first of them has waited long enough.
 *
 * Pure: the time is an input. The thread that handles; one for each lane.
 */
import type { BatchShape } from '../wire/member-calls.ts'
import type { Lane } from './lane.ts'

type FilledLane = Pick<Lane<object>, 'batchIsReady'>

export class BatchFill {
  readonly #shape: BatchShape
  /** Since when a batch waits to be filled; -1: none does. */
  #since = -1

  constructor(shape: BatchShape) {
    this.#shape = shape
  }

  /** Whether what may go at `now` need not wait for more. */
  isDue(lane: FilledLane, now: number): boolean {
    const { maxRecords, maxWaitMs } = this.#shape
    if (maxWaitMs === 0 || lane.batchIsReady(maxRecords, now)) return true
    return this.#since !== -1 && now - this.#since >= maxWaitMs
  }

  /** Whether the thread is to be woken for what may go at `now`: later, if a batch waits already and is not due. */
  wakes(lane: FilledLane, now: number): boolean {
    return this.#since === -1 || this.isDue(lane, now)
  }

  /** A batch waits to be filled, at the latest since `now`; for so many ms from then on. */
  waits(now: number): number {
    if (this.#since === -1) this.#since = now
    return this.#since + this.#shape.maxWaitMs - now
  }

  /** It goes. */
  goes(): void {
    this.#since = -1
  }
}
