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
  #entries = 0
  #hits = 0
  #pausedFor = 0

  find(exchange: number, key: string): R | undefined {
    if (this.#pausedFor > 0) {
      this.#pausedFor--
      return undefined
    }
    const found = this.#byExchange.get(exchange)?.get(key)
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
    let routes = this.#byExchange.get(exchange)
    if (routes === undefined) {
      routes = new Map()
      this.#byExchange.set(exchange, routes)
    }
    routes.set(key, route)
    this.#entries++
  }

  clear(): void {
    if (this.#entries > 0) this.#byExchange = new Map()
    this.#entries = 0
    this.#hits = 0
  }
}
