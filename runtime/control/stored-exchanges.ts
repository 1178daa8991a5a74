/**
 * The exchanges that a broker's folder knows, and their bindings, in its catalog (broker-directory.ts).
 *
 * The control thread. Exchanges, queues and topics are known by numbers here, which are never given twice. So a binding of what was
 * deleted leads nowhere, and to nothing that has the name later: whoever opens the folder removes it (`forget`). Only what is on disk
 * is bound here.
 *
 * ```
 * exchange/<name>                       { id, type, alternate }
 * binding/<exchange>/<target>/<by>      1        target: its kind's first letter and its number; by: binding-text.ts
 * ```
 *
 * Bound: some 200 bytes of memory for each binding beside its key.
 */
import type { StateLog } from '../log/store/state-log.ts'
import { byOf, byText } from '../routing/binding-text.ts'
import type { BoundBy, Target } from '../wire/route-changes.ts'
import type { ExchangeType } from '../words/exchange.ts'

export interface StoredExchange {
  readonly id: number
  readonly name: string
  readonly type: ExchangeType
  /** Name of the exchange that takes what no binding takes; null: there is none. */
  readonly alternate: string | null
}

export interface StoredBinding {
  readonly exchange: number
  readonly kind: Target['kind']
  /** Number of the queue, topic or exchange that it leads to. */
  readonly target: number
  readonly by: BoundBy
}

type Changes = readonly (readonly [string, unknown])[]

/** Bindings in one record, where they need not be written together. */
const CHANGES_MAX = 1_000
const KINDS: Readonly<Record<string, Target['kind']>> = { q: 'queue', t: 'topic', e: 'exchange' }
const BINDING = /^binding\/(\d+)\/([qte])(\d+)\/(.*)$/s

export class StoredExchanges {
  readonly #state: StateLog
  readonly #write: (changes: Changes) => void

  /** `write`: to the catalog, durably. */
  constructor(state: StateLog, write: (changes: Changes) => void) {
    this.#state = state
    this.#write = write
  }

  exchanges(): StoredExchange[] {
    const exchanges: StoredExchange[] = []
    for (const [key, value] of this.#state.entries('exchange/'))
      exchanges.push({ name: key.slice(9), ...(value as Omit<StoredExchange, 'name'>) })
    return exchanges
  }

  bindings(): StoredBinding[] {
    const bindings: StoredBinding[] = []
    for (const [key] of this.#state.entries('binding/')) {
      const [, exchange, kind, target, by] = BINDING.exec(key) ?? []
      if (by === undefined) continue
      const [from, to] = [Number(exchange), Number(target)]
      bindings.push({ exchange: from, kind: KINDS[kind as string] as Target['kind'], target: to, by: byOf(by) })
    }
    return bindings
  }

  /** @throws MillraceError MILL_DISK */
  declare({ name, ...exchange }: StoredExchange): void {
    this.#write([[`exchange/${name}`, exchange]])
  }

  /** The exchange is no more; its bindings are forgotten after that, here or by whoever opens the folder next. @throws MillraceError MILL_DISK */
  delete(name: string): void {
    this.#write([[`exchange/${name}`, undefined]])
  }

  /** @throws MillraceError MILL_DISK */
  bind(binding: StoredBinding): void {
    this.#write([[bindingKey(binding), 1]])
  }

  /** Those that are here are no more. @throws MillraceError MILL_DISK */
  forget(bindings: Iterable<StoredBinding>): void {
    let changes: [string, undefined][] = []
    for (const binding of bindings) {
      const key = bindingKey(binding)
      if (this.#state.has(key)) changes.push([key, undefined])
      if (changes.length < CHANGES_MAX) continue
      this.#write(changes)
      changes = []
    }
    this.#write(changes)
  }
}

function bindingKey({ exchange, kind, target, by }: StoredBinding): string {
  return `binding/${exchange}/${kind[0]}${target}/${byText(by)}`
}
