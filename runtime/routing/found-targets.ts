/**
 * The targets that a walk has found, each once.
 *
 * Any thread. Pure. One for all walks of a thread: `begin` forgets what the walk before found, at no cost per target.
 *
 * Bound: targets that have a number; 8 bytes each.
 */
import { grown, grownCapacity } from './pair-table.ts'

const FIRST_CAPACITY = 64
const LAST_WALK = 2 ** 32 - 1

export class FoundTargets {
  /** Numbers of the targets, in the order in which they were found; the first `count` are of this walk. */
  targets: Uint32Array = new Uint32Array(FIRST_CAPACITY)
  count = 0
  /** By target: the walk that found it last. */
  #walks = new Uint32Array(FIRST_CAPACITY)
  #walk = 0

  begin(): void {
    this.count = 0
    if (this.#walk === LAST_WALK) {
      this.#walks.fill(0)
      this.#walk = 0
    }
    this.#walk++
  }

  add(target: number): void {
    if (target >= this.#walks.length)
      this.#walks = grown(this.#walks, Math.max(target + 1, grownCapacity(this.#walks.length)))
    if (this.#walks[target] === this.#walk) return
    this.#walks[target] = this.#walk
    if (this.count === this.targets.length) this.targets = grown(this.targets, grownCapacity(this.targets.length))
    this.targets[this.count++] = target
  }
}
