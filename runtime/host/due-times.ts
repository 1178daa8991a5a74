/**
 * When who is due: the soonest first, and one time for each.
 *
 * Pure; a binary heap. A time that is set anew leaves the old entry behind, which counts no more. Bound: entries are thrown away
 * when more than half of them do not count.
 */

interface Entry<T> {
  readonly who: T
  readonly atMs: number
}

const ENTRIES_MIN = 64

export class DueTimes<T> {
  readonly #times = new Map<T, number>()
  #heap: Entry<T>[] = []

  /** Sets when it is due; Infinity: never. */
  set(who: T, atMs: number): void {
    if (atMs === Number.POSITIVE_INFINITY) {
      this.#times.delete(who)
      return
    }
    if (this.#times.get(who) === atMs) return
    this.#times.set(who, atMs)
    this.#push({ who, atMs })
    if (this.#heap.length > ENTRIES_MIN && this.#heap.length > 2 * this.#times.size) this.#rebuild()
  }

  /** Entries, with those that count no more. */
  get entries(): number {
    return this.#heap.length
  }

  /** When the first of them is due; Infinity: none is. */
  soonestMs(): number {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (this.#times.get(first.who) === first.atMs) return first.atMs
      this.#pop()
    }
    return Number.POSITIVE_INFINITY
  }

  /** Hands over those that are due by now, the first one first. Who is handed over is due no more. */
  take(nowMs: number, due: (who: T) => void): void {
    while (this.soonestMs() <= nowMs) {
      const { who } = this.#heap[0] as Entry<T>
      this.#pop()
      this.#times.delete(who)
      due(who)
    }
  }

  #rebuild(): void {
    this.#heap = []
    for (const [who, atMs] of this.#times) this.#push({ who, atMs })
  }

  #push(entry: Entry<T>): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(entry)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if ((heap[parent] as Entry<T>).atMs <= entry.atMs) break
      heap[at] = heap[parent] as Entry<T>
      at = parent
    }
    heap[at] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && (heap[child + 1] as Entry<T>).atMs < (heap[child] as Entry<T>).atMs) child++
      if ((heap[child] as Entry<T>).atMs >= last.atMs) break
      heap[at] = heap[child] as Entry<T>
      at = child
    }
    heap[at] = last
  }
}
