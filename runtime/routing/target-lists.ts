/**
 * Lists of targets: by the number of a list, which targets a message goes to that reaches it.
 *
 * Any thread. Pure. A target is in a list once, with a count of the bindings that put it there: two patterns may mean the same.
 * Adding and removing cost the same however long the list is. A list without targets has no entry.
 *
 * Bound: pairs of a list and a target; 28 bytes each, and a quarter as much again after growth.
 */
import type { FoundTargets } from './found-targets.ts'
import { grown, grownCapacity, PairTable } from './pair-table.ts'

const NONE = -1

export class TargetLists {
  readonly #entries = new PairTable()
  #bindings = new Uint32Array(this.#entries.capacity)
  #nexts = new Int32Array(this.#entries.capacity)
  /** Of the first entry of a list its own number. */
  #befores = new Int32Array(this.#entries.capacity)
  /** By list: its first entry, plus 1; 0: it has none. */
  #heads = new Uint32Array(0)

  get bytes(): number {
    return this.#entries.bytes + 12 * this.#bindings.length + 4 * this.#heads.length
  }

  isEmpty(list: number): boolean {
    return this.#headOf(list) === NONE
  }

  add(list: number, target: number): void {
    let entry = this.#entries.find(list, target)
    if (entry === NONE) entry = this.#enter(list, target)
    this.#bindings[entry] = (this.#bindings[entry] as number) + 1
  }

  /** Removes a binding that was added. */
  remove(list: number, target: number): void {
    const entry = this.#entries.find(list, target)
    const left = (this.#bindings[entry] as number) - 1
    this.#bindings[entry] = left
    if (left === 0) this.#leave(list, entry)
  }

  collect(list: number, found: FoundTargets): void {
    for (let entry = this.#headOf(list); entry !== NONE; entry = this.#nexts[entry] as number)
      found.add(this.#entries.secondOf(entry))
  }

  #headOf(list: number): number {
    return list < this.#heads.length ? (this.#heads[list] as number) - 1 : NONE
  }

  #enter(list: number, target: number): number {
    const entry = this.#entries.add(list, target)
    const { capacity } = this.#entries
    if (capacity > this.#bindings.length) {
      this.#bindings = grown(this.#bindings, capacity)
      this.#nexts = grown(this.#nexts, capacity)
      this.#befores = grown(this.#befores, capacity)
    }
    if (list >= this.#heads.length)
      this.#heads = grown(this.#heads, Math.max(list + 1, grownCapacity(this.#heads.length)))
    const head = this.#headOf(list)
    this.#bindings[entry] = 0
    this.#nexts[entry] = head
    this.#befores[entry] = entry
    if (head !== NONE) this.#befores[head] = entry
    this.#heads[list] = entry + 1
    return entry
  }

  #leave(list: number, entry: number): void {
    const next = this.#nexts[entry] as number
    const before = this.#befores[entry] as number
    const isFirst = before === entry
    if (isFirst) this.#heads[list] = next + 1
    else this.#nexts[before] = next
    if (next !== NONE) this.#befores[next] = isFirst ? next : before
    this.#entries.remove(entry)
  }
}
