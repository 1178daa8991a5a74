/**
 * The exchanges of the broker as one thread that publishes knows them: where a message goes, found without asking anybody.
 *
 * The publisher's thread; each has its own. The control thread counts the changes of all exchanges in one shared word (ROUTES, layout.ts). A table
 * whose count is another asks for what it lacks, page by page, before it is looked into (`refresh`). One question is under way at a
 * time. Whoever waits is told in the order of asking, once the table has what the word said when it asked. So no thread waits for
 * another one, and nobody who begins after a `bind` has resolved sees the table of before.
 *
 * Bound: exchanges and bindings of the broker. A page has PAGE_CHANGES_MAX changes (route-log.ts).
 */
import type { Memory } from 'sharedarraybuffer-ring'
import { ExchangeRoutes } from '../routing/exchange-routes.ts'
import type { RouteChange, RoutedHeaders, RoutePage, RouteTarget, TablePosition } from '../wire/route-changes.ts'

interface Waiting {
  readonly wanted: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

const EMPTY: TablePosition = { seen: 0, generation: 0 }
const NO_HEADERS: RoutedHeaders = Object.freeze({})

export class ExchangeTables {
  readonly #memory: Memory
  readonly #word: number
  readonly #ask: (position: TablePosition) => Promise<RoutePage>
  #routes = new ExchangeRoutes()
  readonly #names = new Map<number, string>()
  readonly #numbers = new Map<string, number>()
  #position = EMPTY
  /** Low word of the generation that the table has all of. */
  #known = 0
  #waiting: Waiting[] = []
  #isAsking = false

  /** `word`: address of ROUTES. `ask`: the control thread, what a table at that position lacks. */
  constructor(memory: Memory, word: number, ask: (position: TablePosition) => Promise<RoutePage>) {
    this.#memory = memory
    this.#word = word
    this.#ask = ask
  }

  /** Whether the table is of the newest generation: then it may be looked into at once. */
  get fresh(): boolean {
    return this.#memory.load(this.#word) === this.#known && !this.#isAsking
  }

  /** Resolves when the table has all changes up to now: it may be looked into before anything else is awaited. @throws MillraceError MILL_CLOSED */
  refresh(): Promise<void> {
    const wanted = this.#memory.load(this.#word)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ wanted, resolve, reject })
      if (!this.#isAsking) void this.#askOn()
    })
  }

  /** Grows with each change of the table, but for wraps. */
  get generation(): number {
    return this.#known
  }

  /** Whether headers had a say in where the last message went. */
  get looksAtHeaders(): boolean {
    return this.#routes.looksAtHeaders
  }

  /** Id of the exchange of that name; undefined: there is none. */
  numberOf(exchange: string): number | undefined {
    return this.#numbers.get(exchange)
  }

  /** The queues and topics that a message goes to, each once, by their ids. Null: the exchange is gone. */
  find(exchange: number, routingKey: string, headers: RoutedHeaders | null): readonly RouteTarget[] | null {
    const name = this.#names.get(exchange)
    if (name === undefined) return null
    // What was bound comes back as it was given, with its id.
    const targets = this.#routes.route(name, routingKey, headers ?? NO_HEADERS) as RouteTarget[]
    return targets.length < 2 ? targets : targets.sort((one, other) => one.id - other.id)
  }

  async #askOn(): Promise<void> {
    this.#isAsking = true
    try {
      while (this.#waiting.length > 0) this.#take(await this.#ask(this.#position))
    } catch (error) {
      const waiting = this.#waiting
      this.#waiting = []
      for (const { reject } of waiting) reject(error)
    } finally {
      this.#isAsking = false
    }
  }

  #take({ changes, position, restarts }: RoutePage): void {
    if (restarts) this.#clear()
    for (const change of changes) this.#apply(change)
    this.#position = position
    if (position.seen !== position.generation) return
    this.#known = position.generation | 0
    const behind = this.#waiting.findIndex(({ wanted }) => ((this.#known - wanted) | 0) < 0)
    const served = this.#waiting.splice(0, behind === -1 ? this.#waiting.length : behind)
    for (const { resolve } of served) resolve()
  }

  #apply(change: RouteChange): void {
    if (change.kind === 'declare') {
      this.#names.set(change.exchange.id, change.exchange.name)
      this.#numbers.set(change.exchange.name, change.exchange.id)
    } else if (change.kind === 'remove') {
      this.#names.delete(this.#numbers.get(change.exchange) as number)
      this.#numbers.delete(change.exchange)
    }
    this.#routes.apply(change)
  }

  #clear(): void {
    this.#routes = new ExchangeRoutes()
    this.#names.clear()
    this.#numbers.clear()
  }
}
