/**
 * The bindings of a direct exchange: by the whole routing key, its targets.
 *
 * Any thread. Pure.
 *
 * Bound: distinct keys of bindings, as words of a pool, and their targets.
 */
import type { FoundTargets } from './found-targets.ts'
import { TargetLists } from './target-lists.ts'
import { WordPool } from './word-pool.ts'

export class DirectTable {
  readonly #keys = new WordPool()
  readonly #targets = new TargetLists()

  get bytes(): number {
    return this.#keys.bytes + this.#targets.bytes
  }

  bind(key: string, target: number): void {
    this.#targets.add(this.#keys.hold(key, 0, key.length), target)
  }

  /** Removes a binding that was made. */
  unbind(key: string, target: number): void {
    const list = this.#keys.find(key, 0, key.length)
    this.#targets.remove(list, target)
    this.#keys.release(list)
  }

  route(key: string, found: FoundTargets): void {
    const list = this.#keys.find(key, 0, key.length)
    if (list >= 0) this.#targets.collect(list, found)
  }
}
