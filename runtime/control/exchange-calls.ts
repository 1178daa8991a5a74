/**
 * What is asked of exchanges: to declare, bind, unbind and delete them, what there is, and what a table lacks.
 *
 * The control thread. No call waits for another thread, nor for a topic that is being made: each is decided at once.
 */

import { kindOf } from '../wire/produced-topic.ts'
import type {
  BindingPage,
  BoundBy,
  BoundTarget,
  ExchangeListing,
  ExchangeShape,
  RoutePage,
  TablePosition,
} from '../wire/route-changes.ts'
import { deletedTopic } from '../words/deleted-topic.ts'
import { MillraceError } from '../words/errors.ts'
import type { ExchangeType } from '../words/exchange.ts'
import type { BrokerDirectory } from './broker-directory.ts'
import type { CallGate } from './call-gate.ts'
import type { Catalog } from './catalog.ts'

export class ExchangeCalls {
  readonly #gate: CallGate
  readonly #catalog: Catalog
  readonly #directory: BrokerDirectory | null

  constructor(gate: CallGate, catalog: Catalog, directory: BrokerDirectory | null) {
    this.#gate = gate
    this.#catalog = catalog
    this.#directory = directory
  }

  /** `type` null: it must exist. `alternate` undefined: whatever it has. */
  async declare(name: string, type: ExchangeType | null, alternate: string | null | undefined): Promise<ExchangeShape> {
    this.#gate.checkOpen()
    const { exchanges } = this.#catalog
    const known = exchanges.named(name)
    if (known !== undefined) {
      if (type !== null && type !== known.type) throw differs(name, 'type', known.type, type)
      if (alternate !== undefined && alternate !== known.alternate)
        throw differs(name, 'alternate', known.alternate, alternate)
      return known
    }
    const taken = this.#kindOf(name)
    if (taken !== null)
      throw new MillraceError(
        'MILL_CONFIG_MISMATCH',
        `${name} is a ${taken}, not an exchange: open it with broker.${taken}, or use another name`,
      )
    const other = alternate == null ? null : this.#kindOf(alternate)
    if (other !== null)
      throw new MillraceError(
        'MILL_CONFIG_MISMATCH',
        `the alternate ${alternate} is a ${other}, and must be an exchange: bind the ${other} to one of type fanout, and name that`,
      )
    if (type === null)
      throw new MillraceError('MILL_INVALID_OPTION', `exchange ${name} does not exist yet: say its \`type\``)
    const made = { id: this.#catalog.nextStoredId(), name, type, alternate: alternate ?? null }
    exchanges.declare(made)
    return made
  }

  /** Null: no topic and no queue has the name. */
  #kindOf(name: string): 'topic' | 'queue' | null {
    const taken = (this.#catalog.topicsByName.get(name) ?? this.#directory?.topic(name))?.shape
    return taken === undefined ? null : kindOf(taken)
  }

  async bind(exchange: number, target: BoundTarget, by: BoundBy): Promise<void> {
    this.#gate.checkOpen()
    const { exchanges, topics } = this.#catalog
    exchanges.of(exchange)
    const topic = topics.get(target.id)
    if (target.kind === 'exchange' ? !exchanges.has(target.id) : topic === undefined)
      throw deletedTopic(target.name, target.kind)
    exchanges.bind(exchange, target, by, topic?.shape.log !== null)
  }

  async unbind(exchange: number, target: BoundTarget, by: BoundBy): Promise<void> {
    this.#gate.checkOpen()
    this.#catalog.exchanges.unbind(exchange, target, by)
  }

  async delete(exchange: number): Promise<void> {
    this.#gate.checkOpen()
    this.#catalog.exchanges.delete(exchange)
  }

  async list(): Promise<readonly ExchangeListing[]> {
    return this.#catalog.exchanges.list()
  }

  async bindings(exchange: number, after: number): Promise<BindingPage> {
    return this.#catalog.exchanges.bindings(exchange, after)
  }

  async changes(position: TablePosition): Promise<RoutePage> {
    this.#gate.checkRunning()
    return this.#catalog.exchanges.since(position)
  }
}

function differs(name: string, option: string, known: string | null, wanted: string | null): MillraceError {
  return new MillraceError(
    'MILL_CONFIG_MISMATCH',
    `exchange ${name} exists with ${option} ${known ?? 'none'}, not ${wanted ?? 'none'}; leave the option out, or use another name`,
  )
}
