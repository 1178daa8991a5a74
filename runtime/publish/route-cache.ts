/**
 * Where messages went lately: by exchange and routing key, what was worked out for them.
 *
 * The producer's thread. Pure. What is kept holds for one generation of bindings; its owner clears it with the next. Bound: ENTRIES_MAX
 * routing keys of all exchanges. Once there are as many, all are forgotten. If they were of less use than trouble, nothing is kept for a while:
 * keys that hardly come twice cost a publisher nothing.
 */
const ENTRIES_MAX = 4_096
/** Routes that are not looked for after that. */
const PAUSE = 16 * ENTRIES_MAX

export class RouteCache<R> {
  #byExchange = new Map<number, Map<string, R>>()
  /** The exchange that was asked for last, and what is kept of it: most that follow are of the same. */
  #last = -1
  #lastRoutes: Map<string, R> | undefined = undefined
  #entries = 0
  #hits = 0
  #pausedFor = 0

  find(exchange: number, key: string): R | undefined {
    if (this.#pausedFor > 0) {
      this.#pausedFor--
      return undefined
    }
    if (exchange !== this.#last) this.#turnTo(exchange)
    const found = this.#lastRoutes?.get(key)
    if (found !== undefined) this.#hits++
    return found
  }

  /** Of a key that was not found. */
  keep(exchange: number, key: string, route: R): void {
    if (this.#pausedFor > 0) return
    if (this.#entries === ENTRIES_MAX) {
      if (this.#hits < ENTRIES_MAX) this.#pausedFor = PAUSE
      this.clear()
      return
    }
    if (!this.#byExchange.has(exchange)) this.#byExchange.set(exchange, new Map())
    this.#turnTo(exchange)
    this.#lastRoutes?.set(key, route)
    this.#entries++
  }

  #turnTo(exchange: number): void {
    this.#last = exchange
    this.#lastRoutes = this.#byExchange.get(exchange)
  }

  clear(): void {
    if (this.#entries > 0) this.#byExchange = new Map()
    this.#last = -1
    this.#lastRoutes = undefined
    this.#entries = 0
    this.#hits = 0
  }
}
