/**
 * The exchanges of a broker and their bindings, as they were made: what the catalog keeps, and what tells each table its changes.
 *
 * One thread, which decides. Pure. A binding is the exchange, the target and the pattern as it was given. `#.#` and `#` are two
 * bindings, and taking one away leaves the other. A call that changes nothing gives no change.
 *
 * Bound: the bindings. Forgetting a name goes through all of them.
 */
import { type BoundBy, type ExchangeType, matchKey, type RouteChange, type Target } from './binding.ts'

interface Exchange {
  readonly declared: RouteChange & { readonly kind: 'declare' }
  readonly bindings: Map<string, { readonly target: Target; readonly by: BoundBy }>
}

export class Bindings {
  readonly #exchanges = new Map<string, Exchange>()

  /** The type of the exchange; undefined: there is none. */
  typeOf(exchange: string): ExchangeType | undefined {
    return this.#exchanges.get(exchange)?.declared.type
  }

  /** Of a name that no exchange has. */
  declare(exchange: string, type: ExchangeType, alternate: string | null): RouteChange[] {
    const declared = { kind: 'declare', exchange, type, alternate } as const
    this.#exchanges.set(exchange, { declared, bindings: new Map() })
    return [declared]
  }

  bind(exchange: string, target: Target, by: BoundBy): RouteChange[] {
    const bindings = this.#bindingsOf(exchange)
    const key = keyOf(target, by)
    if (bindings.has(key)) return []
    bindings.set(key, { target, by })
    return [{ kind: 'bind', exchange, target, by }]
  }

  unbind(exchange: string, target: Target, by: BoundBy): RouteChange[] {
    if (!this.#bindingsOf(exchange).delete(keyOf(target, by))) return []
    return [{ kind: 'unbind', exchange, target, by }]
  }

  /** A queue, topic or exchange of that name is deleted: the bindings to it go, and those of its own. */
  forget(name: string): RouteChange[] {
    const changes: RouteChange[] = []
    for (const [exchange, { bindings }] of this.#exchanges) {
      for (const [key, { target, by }] of bindings) {
        if (exchange !== name && target.name !== name) continue
        bindings.delete(key)
        changes.push({ kind: 'unbind', exchange, target, by })
      }
    }
    if (this.#exchanges.delete(name)) changes.push({ kind: 'remove', exchange: name })
    return changes
  }

  /** By which a table that is empty becomes what the others are. */
  *all(): IterableIterator<RouteChange> {
    for (const { declared } of this.#exchanges.values()) yield declared
    for (const [exchange, { bindings }] of this.#exchanges)
      for (const { target, by } of bindings.values()) yield { kind: 'bind', exchange, target, by }
  }

  #bindingsOf(exchange: string): Exchange['bindings'] {
    return (this.#exchanges.get(exchange) as Exchange).bindings
  }
}

/** No name has a space, so that the parts cannot be mistaken. */
function keyOf({ name }: Target, by: BoundBy): string {
  return typeof by === 'string' ? `${name} k${by}` : `${name} h${matchKey(by)}`
}
