/**
 * Where a message goes that is published to an exchange: all exchanges of a broker, kept by the changes that the catalog took.
 *
 * Any thread; each has its own. Pure. The walk is a list of exchanges, each entered once: from an exchange to those that are bound to it,
 * and to its alternate if none of its own bindings takes the message. So circles end, no call is made within a call, and a queue is found once.
 * An exchange that does not exist, as an alternate may, takes nothing.
 *
 * Bound: exchanges, targets and bindings of the broker. A walk costs its exchanges and what each of them looks at.
 */
import type { RouteChange, RoutedHeaders, Target } from '../wire/route-changes.ts'
import { ExchangeTable } from './exchange-table.ts'
import { FoundTargets } from './found-targets.ts'
import { TargetNumbers } from './target-numbers.ts'

const NONE = -1

export class ExchangeRoutes {
  /** Whether headers had a say in the last walk. */
  looksAtHeaders = false
  readonly #numbers = new TargetNumbers()
  /** By number of the target, of those that are exchanges. */
  readonly #tables: (ExchangeTable | undefined)[] = []
  /** Exchanges of the walk, in the order in which it enters them. */
  readonly #entered = new FoundTargets()
  /** What the exchange that is entered takes the message to. */
  readonly #taken = new FoundTargets()
  readonly #found = new FoundTargets()

  /** The changes come in the order of the catalog, each once. */
  apply(change: RouteChange): void {
    const numbers = this.#numbers
    switch (change.kind) {
      case 'declare': {
        const { name, type, alternate } = change.exchange
        const other = alternate === null ? NONE : numbers.hold({ kind: 'exchange', name: alternate })
        this.#tables[numbers.hold({ kind: 'exchange', name })] = new ExchangeTable(type, other)
        return
      }
      case 'remove': {
        const number = numbers.findExchange(change.exchange)
        const { alternate } = this.#tableOf(number)
        this.#tables[number] = undefined
        if (alternate !== NONE) numbers.release(alternate)
        numbers.release(number)
        return
      }
      case 'bind':
        this.#tableOf(numbers.findExchange(change.exchange)).bind(change.by, numbers.hold(change.target))
        return
      case 'unbind': {
        const target = numbers.find(change.target)
        this.#tableOf(numbers.findExchange(change.exchange)).unbind(change.by, target)
        numbers.release(target)
      }
    }
  }

  /** The queues and topics that the message goes to, each once, in no particular order. */
  route(exchange: string, key: string, headers: RoutedHeaders): Target[] {
    const entered = this.#entered
    this.looksAtHeaders = false
    this.#found.begin()
    entered.begin()
    const first = this.#numbers.findExchange(exchange)
    if (first !== NONE) entered.add(first)
    for (let i = 0; i < entered.count; i++) this.#enter(entered.targets[i] as number, key, headers)
    const targets: Target[] = []
    for (let i = 0; i < this.#found.count; i++) targets.push(this.#numbers.of(this.#found.targets[i] as number))
    return targets
  }

  #enter(exchange: number, key: string, headers: RoutedHeaders): void {
    const table = this.#tables[exchange]
    if (table === undefined) return
    const taken = this.#taken
    taken.begin()
    table.route(key, headers, taken)
    if (table.looksAtHeaders) this.looksAtHeaders = true
    for (let i = 0; i < taken.count; i++) {
      const target = taken.targets[i] as number
      const next = this.#numbers.of(target).kind === 'exchange' ? this.#entered : this.#found
      next.add(target)
    }
    if (taken.count === 0 && table.alternate !== NONE) this.#entered.add(table.alternate)
  }

  #tableOf(exchange: number): ExchangeTable {
    return this.#tables[exchange] as ExchangeTable
  }
}
