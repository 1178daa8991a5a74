/**
 * The exchanges of a broker and their bindings, as they were made, and what each table lacks of them.
 *
 * One thread, which decides. Pure. A binding is the exchange, the target and the pattern as it was given. `#.#` and `#` are two
 * bindings, and taking one away leaves the other.
 *
 * Bound: exchanges and bindings. Forgetting a name costs the bindings that lead to it and its own.
 */
import type {
  BindingPage,
  BoundBy,
  ExchangeShape,
  GoneRoute,
  MadeRoute,
  RoutePage,
  TablePosition,
  Target,
} from '../wire/route-changes.ts'
import type { Binding } from '../words/exchange.ts'
import { byText } from './binding-text.ts'
import { RouteLog } from './route-log.ts'

/** Bindings of a part, at most. */
export const PAGE_BINDINGS_MAX = 4_096

interface Exchange {
  readonly madeIn: number
  /** The generation that made each binding. */
  readonly bindings: Map<string, number>
}

type Bind = MadeRoute & { readonly kind: 'bind' }

export class Bindings {
  readonly #log = new RouteLog()
  readonly #exchanges = new Map<string, Exchange>()
  /** By name of a target: the generations that made the bindings to it. */
  readonly #leading = new Map<string, Set<number>>()

  /** It grows with each change. */
  get generation(): number {
    return this.#log.generation
  }

  /** Exchanges and bindings that there are. */
  get size(): number {
    return this.#log.size
  }

  /** Of a name that no exchange has. */
  declare(exchange: ExchangeShape): void {
    const madeIn = this.#log.make({ kind: 'declare', exchange })
    this.#exchanges.set(exchange.name, { madeIn, bindings: new Map() })
  }

  has(exchange: string, target: Target, by: BoundBy): boolean {
    return this.#of(exchange).bindings.has(keyOf(target, by))
  }

  /** False: it is there already. */
  bind(exchange: string, target: Target, by: BoundBy): boolean {
    const { bindings } = this.#of(exchange)
    const key = keyOf(target, by)
    if (bindings.has(key)) return false
    const madeIn = this.#log.make({ kind: 'bind', exchange, target, by })
    bindings.set(key, madeIn)
    const leading = this.#leading.get(target.name) ?? new Set()
    this.#leading.set(target.name, leading.add(madeIn))
    return true
  }

  /** False: it is not there. */
  unbind(exchange: string, target: Target, by: BoundBy): boolean {
    const madeIn = this.#of(exchange).bindings.get(keyOf(target, by))
    if (madeIn === undefined) return false
    this.#remove(madeIn)
    return true
  }

  /** A queue, topic or exchange of that name is deleted: the bindings to it go, and those of its own. */
  forget(name: string): GoneRoute[] {
    const gone: GoneRoute[] = []
    const own = this.#exchanges.get(name)
    const bindings = new Set([...(this.#leading.get(name) ?? []), ...(own?.bindings.values() ?? [])])
    for (const madeIn of bindings) gone.push(this.#remove(madeIn))
    if (own === undefined) return gone
    const removed = { kind: 'remove', exchange: name } as const
    this.#exchanges.delete(name)
    this.#log.remove(own.madeIn, removed)
    return [...gone, removed]
  }

  /** Bindings of an exchange. */
  count(exchange: string): number {
    return this.#of(exchange).bindings.size
  }

  /** A part of the bindings of an exchange, in the order in which they were made, behind one that was made in that generation. */
  page(exchange: string, after: number): BindingPage {
    const bindings: Binding[] = []
    for (const madeIn of this.#of(exchange).bindings.values()) {
      if (madeIn <= after) continue
      const { target, by } = this.#log.madeIn(madeIn) as Bind
      bindings.push({ kind: target.kind, target: target.name, by })
      if (bindings.length === PAGE_BINDINGS_MAX) return { bindings, next: madeIn }
    }
    return { bindings, next: null }
  }

  /** What a table lacks, or the first part of it. */
  since(position: TablePosition): RoutePage {
    return this.#log.since(position)
  }

  #remove(madeIn: number): GoneRoute {
    const { exchange, target, by } = this.#log.madeIn(madeIn) as Bind
    const gone = { kind: 'unbind', exchange, target, by } as const
    this.#of(exchange).bindings.delete(keyOf(target, by))
    const leading = this.#leading.get(target.name) as Set<number>
    leading.delete(madeIn)
    if (leading.size === 0) this.#leading.delete(target.name)
    this.#log.remove(madeIn, gone)
    return gone
  }

  #of(exchange: string): Exchange {
    return this.#exchanges.get(exchange) as Exchange
  }
}

/** No name has a space, so that the parts cannot be mistaken. */
function keyOf({ name }: Target, by: BoundBy): string {
  return `${name} ${byText(by)}`
}
