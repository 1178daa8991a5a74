/**
 * The bindings of one exchange, by the rule of its type.
 *
 * Any thread. Pure. Targets are numbers; what they name is `exchange-routes.ts`'s.
 *
 * Bound: that of the table of its type.
 */
import type { BoundBy, RoutedHeaders } from '../wire/route-changes.ts'
import type { ExchangeType, HeaderMatch } from '../words/exchange.ts'
import { DirectTable } from './direct-table.ts'
import type { FoundTargets } from './found-targets.ts'
import { HeaderIndex } from './header-index.ts'
import { TargetLists } from './target-lists.ts'
import { TopicTrie } from './topic-trie.ts'

/** All bindings of a fanout exchange are in one list. */
const ALL = 0

export class ExchangeTable {
  /** Number of the exchange that takes what no binding takes; -1: there is none. */
  readonly alternate: number
  readonly #byKey: DirectTable | TopicTrie | null
  readonly #byHeaders: HeaderIndex | null
  readonly #all = new TargetLists()

  constructor(type: ExchangeType, alternate: number) {
    this.alternate = alternate
    this.#byKey = type === 'direct' ? new DirectTable() : type === 'topic' ? new TopicTrie() : null
    this.#byHeaders = type === 'headers' ? new HeaderIndex() : null
  }

  /** Whether a message's headers decide. */
  get looksAtHeaders(): boolean {
    return this.#byHeaders !== null
  }

  bind(by: BoundBy, target: number): void {
    if (this.#byKey !== null) this.#byKey.bind(by as string, target)
    else if (this.#byHeaders !== null) this.#byHeaders.bind(by as HeaderMatch, target)
    else this.#all.add(ALL, target)
  }

  /** Removes a binding that was made. */
  unbind(by: BoundBy, target: number): void {
    if (this.#byKey !== null) this.#byKey.unbind(by as string, target)
    else if (this.#byHeaders !== null) this.#byHeaders.unbind(by as HeaderMatch, target)
    else this.#all.remove(ALL, target)
  }

  route(key: string, headers: RoutedHeaders, found: FoundTargets): void {
    if (this.#byKey !== null) this.#byKey.route(key, found)
    else if (this.#byHeaders !== null) this.#byHeaders.route(headers, found)
    else this.#all.collect(ALL, found)
  }
}
