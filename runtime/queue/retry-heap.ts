/**
 * The messages of a queue that wait for a retry, by the time at which they are due: a binary heap of entries of the
 * attempt table.
 *
 * The partition host's thread. Pure. Each entry knows its place, so that one that is cancelled leaves at once. Bound:
 * that of the entries; 8 bytes each. O(log n) for each that comes or goes.
 *
 * Later: a wheel takes its place when delays and times to live make millions of entries usual.
 */
import type { AttemptTable } from './attempt-table.ts'

export class RetryHeap {
  readonly #attempts: AttemptTable
  #heap: Int32Array = new Int32Array(16)
  /** Index in the heap of each entry. */
  #places: Int32Array = new Int32Array(16)
  #size = 0

  constructor(attempts: AttemptTable) {
    this.#attempts = attempts
  }

  get size(): number {
    return this.#size
  }

  /** When the first one is due; Infinity: none waits. */
  get dueMs(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : this.#dueOf(0)
  }

  /** The entry that is due first. */
  get first(): number {
    return this.#heap[0] as number
  }

  /** An entry whose `dueMs` is set. */
  add(entry: number): void {
    if (this.#heap.length < this.#attempts.capacity) this.#grow()
    this.#put(this.#size, entry)
    this.#rise(this.#size++)
  }

  remove(entry: number): void {
    const place = this.#places[entry] as number
    const last = this.#heap[--this.#size] as number
    if (last === entry) return
    this.#put(place, last)
    this.#rise(place)
    this.#sink(place)
  }

  #dueOf(place: number): number {
    return this.#attempts.dueMs[this.#heap[place] as number] as number
  }

  #put(place: number, entry: number): void {
    this.#heap[place] = entry
    this.#places[entry] = place
  }

  #swap(a: number, b: number): void {
    const entry = this.#heap[a] as number
    this.#put(a, this.#heap[b] as number)
    this.#put(b, entry)
  }

  #rise(place: number): void {
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (this.#dueOf(parent) <= this.#dueOf(place)) return
      this.#swap(place, parent)
      place = parent
    }
  }

  #sink(place: number): void {
    for (;;) {
      let least = place
      for (const child of [2 * place + 1, 2 * place + 2])
        if (child < this.#size && this.#dueOf(child) < this.#dueOf(least)) least = child
      if (least === place) return
      this.#swap(place, least)
      place = least
    }
  }

  #grow(): void {
    const heap = new Int32Array(this.#attempts.capacity)
    const places = new Int32Array(this.#attempts.capacity)
    heap.set(this.#heap)
    places.set(this.#places)
    this.#heap = heap
    this.#places = places
  }
}
