/**
 * Where messages went lately: by exchange and routing key, what was worked out for them.
 *
 * The producer's thread. Pure. What is kept holds for one generation of bindings; its owner clears it with the next. Bound: ENTRIES_MAX
 * routing keys of all exchanges. Once there are as many, all are forgotten. If they were of less use than trouble, nothing is kept for a while:
 * keys that hardly come twice cost a publisher nothing.
 *
 * Each key has a place in a table as well, where what was kept or found last stands. Most keys are found there, which costs half of a look into a map.
 */
const ENTRIES_MAX = 4_096
/** Places of the table: a power of two. */
const PLACES = 4_096
/** Routes that are not looked for after that. */
const PAUSE = 16 * ENTRIES_MAX

export interface KeptRoute {
  readonly exchange: number
  readonly key: string
}

export class RouteCache<R extends KeptRoute> {
  readonly #places: (R | null)[] = new Array(PLACES).fill(null)
  readonly #byExchange = new Map<number, Map<string, R>>()
  #entries = 0
  #hits = 0
  #pausedFor = 0

  find(exchange: number, key: string): R | undefined {
    if (this.#pausedFor > 0) {
      this.#pausedFor--
      return undefined
    }
    const place = placeOf(key)
    const there = this.#places[place] as R | null
    const found =
      there !== null && there.key === key && there.exchange === exchange
        ? there
        : this.#byExchange.get(exchange)?.get(key)
    if (found === undefined) return undefined
    this.#hits++
    if (found !== there) this.#places[place] = found
    return found
  }

  /** Of a key that was not found. */
  keep(route: R): void {
    if (this.#pausedFor > 0) return
    if (this.#entries === ENTRIES_MAX) {
      if (this.#hits < ENTRIES_MAX) this.#pausedFor = PAUSE
      this.clear()
      return
    }
    const { exchange, key } = route
    let routes = this.#byExchange.get(exchange)
    if (routes === undefined) {
      routes = new Map()
      this.#byExchange.set(exchange, routes)
    }
    routes.set(key, route)
    this.#places[placeOf(key)] = route
    this.#entries++
  }

  clear(): void {
    if (this.#entries === 0) return
    this.#byExchange.clear()
    this.#places.fill(null)
    this.#entries = 0
    this.#hits = 0
  }
}

/** By its length, its end and its middle: to read all of it would cost as much as the map does. */
function placeOf(key: string): number {
  const { length } = key
  if (length < 3) return length
  const end = key.charCodeAt(length - 1) + 37 * key.charCodeAt(length - 2) + 1_369 * key.charCodeAt(length - 3)
  return (end + 101 * key.charCodeAt(length >> 1) + length) & (PLACES - 1)
}
