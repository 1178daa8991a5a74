/** An exchange as callers use it: its bindings, and publishing by it from this thread. The creating thread. */
import type { Session } from '../embedded/session.ts'
import { checkBinding } from '../options/exchange-options.ts'
import { checkRouteOptions } from '../options/publish-options.ts'
import type { ExchangeShape } from '../wire/route-changes.ts'
import { closedError } from '../words/closed-error.ts'
import type {
  Binding,
  BindTarget,
  Exchange,
  ExchangeType,
  HeaderMatch,
  RouteOptions,
  RouteReceipt,
} from '../words/exchange.ts'
import type { GivenHeaders } from '../words/message.ts'
import type { QueueMessage } from '../words/queue-message.ts'
import { bindTargetOf } from './bind-targets.ts'
import type { CallsInLine } from './calls-in-line.ts'

export class ExchangeClient<V> implements Exchange<V> {
  readonly #session: Session
  readonly #shape: ExchangeShape
  readonly #calls: CallsInLine
  readonly #deleted: () => void

  /** `calls`: those of the broker that change bindings. `deleted` is called when the exchange is gone. */
  constructor(session: Session, shape: ExchangeShape, calls: CallsInLine, deleted: () => void) {
    this.#session = session
    this.#shape = shape
    this.#calls = calls
    this.#deleted = deleted
  }

  get name(): string {
    return this.#shape.name
  }

  get type(): ExchangeType {
    return this.#shape.type
  }

  get alternate(): string | null {
    return this.#shape.alternate
  }

  async bind(target: BindTarget<V>, by?: string | HeaderMatch): Promise<void> {
    const bound = bindTargetOf(target, this.#session, by)
    const checked = checkBinding(this.type, this.name, by)
    this.#session.checkAccepts()
    const { id } = this.#shape
    await this.#calls.make(() => this.#session.ask(control => control.bindExchange(id, bound, checked), 'for ever'))
  }

  async unbind(target: BindTarget<V>, by?: string | HeaderMatch): Promise<void> {
    const bound = bindTargetOf(target, this.#session, by)
    const checked = checkBinding(this.type, this.name, by)
    this.#session.checkAccepts()
    const { id } = this.#shape
    await this.#calls.make(() => this.#session.ask(control => control.unbindExchange(id, bound, checked), 'for ever'))
  }

  publish(routingKey: string, message: QueueMessage<V>, options?: RouteOptions): Promise<RouteReceipt> {
    if (this.#session.closing) return Promise.reject(closedError())
    try {
      const checked = options === undefined ? undefined : checkRouteOptions(options)
      return this.#session.publishers.exchanges.publish(this.#shape, routingKey, message, checked)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  route(routingKey: string, headers?: GivenHeaders): Promise<readonly string[]> {
    return this.#session.publishers.exchanges.route(this.#shape, routingKey, headers)
  }

  async bindings(): Promise<readonly Binding[]> {
    const bindings: Binding[] = []
    for (let after: number | null = 0; after !== null; ) {
      const place: number = after
      const page = await this.#session.ask(control => control.listBindings(this.#shape.id, place))
      for (const binding of page.bindings) bindings.push(this.type === 'fanout' ? { ...binding, by: null } : binding)
      after = page.next
    }
    return bindings
  }

  async delete(): Promise<void> {
    await this.#session.ask(control => control.deleteExchange(this.#shape.id), 'for ever')
    this.#deleted()
  }
}
