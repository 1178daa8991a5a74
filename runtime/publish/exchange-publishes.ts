/**
 * What one thread publishes by exchanges: finds the targets in its tables, and hands the message to the producer of each (routed-sends.ts).
 *
 * The producer's thread. A publish goes at once where the tables are fresh and each target's producer is open. Otherwise it waits, and so do all
 * that come after it: so messages reach each target in the order of their calls. Nothing is written before the message is encoded for each
 * target and its size is checked. Bound: what waits counts in the thread's waiting room, and is refused beyond it.
 */

import { nowMs } from '../../actors/world.ts'
import type { RouteTarget } from '../wire/route-changes.ts'
import { deletedTopic } from '../words/deleted-topic.ts'
import { FullError, MillraceError } from '../words/errors.ts'
import type { RouteOptions, RouteReceipt } from '../words/exchange.ts'
import type { GivenHeaders } from '../words/message.ts'
import { show } from '../words/names.ts'
import type { QueueMessage } from '../words/queue-message.ts'
import { checkRoutingKey } from '../words/routing-key.ts'
import { isKeyAndValue } from './checked-message.ts'
import { copyHeaders } from './given-headers.ts'
import type { HoldUpcalls } from './producer-upcalls.ts'
import {
  type FoundRoute,
  type NamedExchange,
  RouteFinder,
  type RouteProducers,
  type ThreadRoutes,
} from './route-finder.ts'
import { RoutedMessage } from './routed-message.ts'
import { RoutedReceipt } from './routed-receipt.ts'
import { RoutedSends } from './routed-sends.ts'
import type { WaitingRoom } from './waiting-room.ts'

/** Of one message. */
export interface RoutedOptions extends RouteOptions {
  /** When it is not worth the work of a queue's consumer any more, in `nowMs`; left out: never. */
  readonly untilMs?: number
}

interface Publish {
  readonly exchange: NamedExchange
  readonly key: string
  readonly message: RoutedMessage
  readonly options: RouteOptions
  readonly resolve: (receipt: RouteReceipt | Promise<RouteReceipt>) => void
  readonly reject: (error: unknown) => void
}

interface Waiting extends Publish {
  readonly since: number
  readonly bytes: number
  /** Targets whose producers are to be opened, and how often that has been done. */
  closed: readonly RouteTarget[]
  openings: number
}

/** How often the producers of a message's targets are opened: each may be deleted meanwhile. */
const OPENINGS_MAX = 3
const NO_OPTIONS: RouteOptions = Object.freeze({})

export class ExchangePublishes {
  readonly #routes: ThreadRoutes
  readonly #producers: RouteProducers
  readonly #finder: RouteFinder
  readonly #room: WaitingRoom
  readonly #sends: RoutedSends
  /** In the order of the calls. */
  readonly #line = new Set<Waiting>()
  /** Serves the line until it is empty; null: it is. */
  #serving: Promise<void> | null = null
  #failure: Error | null = null

  constructor(routes: ThreadRoutes, producers: RouteProducers, room: WaitingRoom, upcalls: HoldUpcalls) {
    this.#routes = routes
    this.#producers = producers
    this.#finder = new RouteFinder(routes, producers)
    this.#room = room
    this.#sends = new RoutedSends(room, upcalls)
  }

  /** Publishes that wait for tables, for a producer, or for a target that may refuse. */
  get waiting(): number {
    return this.#line.size + this.#sends.held
  }

  publish(
    exchange: NamedExchange,
    routingKey: string,
    message: QueueMessage,
    options: RoutedOptions = NO_OPTIONS,
  ): Promise<RouteReceipt> {
    try {
      this.#checkOpen(options)
      const isReady = this.#line.size === 0 && this.#routes.fresh
      // What is no string is told so by `checkRoutingKey`.
      const isText = typeof routingKey === 'string'
      const known = isReady && isText ? this.#finder.known(exchange, routingKey) : undefined
      const key = known === undefined ? checkRoutingKey(routingKey) : routingKey
      const routed =
        options === NO_OPTIONS && isKeyAndValue(message) ? null : new RoutedMessage(message, key, options.untilMs)
      const route = isReady ? (known ?? this.#finder.findNew(exchange, key, routed?.given ?? null)) : null
      // A message like most, by the way of the one before.
      if (routed === null && route !== null && route.only !== null && this.#sends.held === 0)
        return this.#sends.sendPlain(message, route.only, route.header)
      return this.#publish(exchange, routed ?? new RoutedMessage(message, key), key, options, route)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #publish(
    exchange: NamedExchange,
    message: RoutedMessage,
    key: string,
    options: RouteOptions,
    route: FoundRoute | null,
  ): Promise<RouteReceipt> {
    return new Promise((resolve, reject) => {
      if (route === null || route.producers === null) this.#wait({ exchange, key, message, options, resolve, reject })
      else this.#send(exchange, key, message, options, route, resolve, reject)
    })
  }

  /** Names of the targets of such a message now. */
  route(exchange: NamedExchange, routingKey: string, headers?: GivenHeaders): Promise<readonly string[]> {
    try {
      this.#checkOpen(NO_OPTIONS)
      const key = checkRoutingKey(routingKey)
      const given = headers === undefined ? null : copyHeaders(headers)
      const found = (): readonly string[] => this.#finder.targetsOf(exchange, key, given).map(nameOf)
      return this.#routes.fresh ? Promise.resolve(found()) : this.#routes.refresh().then(found)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    while (this.#serving !== null) await this.#serving
    await this.#sends.idle()
  }

  /** Refuses what comes and what waits. */
  fail(error: Error): void {
    this.#failure ??= error
    this.#failWaiting(error)
    this.#sends.fail(error)
  }

  #checkOpen({ signal }: RouteOptions): void {
    if (this.#failure !== null) throw this.#failure
    if (signal?.aborted === true)
      throw new MillraceError('MILL_ABORTED', 'the publish was aborted before it began', { cause: signal.reason })
  }

  /** @throws MillraceError MILL_FULL */
  #wait(publish: Publish): void {
    const bytes = publish.message.own()
    if (!this.#room.admit(bytes))
      throw new FullError(
        `this thread's waiting room is full (${this.#room.bounds}); await each publish`,
        publish.message.original,
      )
    this.#room.unsettled()
    this.#line.add({ ...publish, since: nowMs(), bytes, closed: [], openings: 0 })
    // Not at once: it says that it is over, which it can be before this is said.
    this.#serving ??= Promise.resolve().then(() => this.#serveAll())
  }

  #leave(publish: Waiting): void {
    if (!this.#line.delete(publish)) return
    this.#room.leave(publish.bytes)
    this.#room.settled()
  }

  #failWaiting(error: unknown): void {
    for (const publish of this.#line) {
      this.#leave(publish)
      publish.reject(error)
    }
  }

  async #serveAll(): Promise<void> {
    try {
      while (this.#line.size > 0) {
        // Tables are new enough for what waited before they were asked for, also if bindings go on changing.
        const due = this.#line.size
        // What one call of the control thread answers is for all: if it fails, it fails all.
        if (!this.#routes.fresh) await this.#routes.refresh()
        const held = this.#serve(due)
        if (held !== null) await this.#open(held)
      }
    } catch (error) {
      this.#failWaiting(error)
    } finally {
      this.#serving = null
    }
  }

  /**
   * Sends the first so many, up to one whose producers are not open, which is returned. Nothing is awaited here: tables are whole only
   * until they change.
   */
  #serve(due: number): Waiting | null {
    let left = due
    for (const publish of this.#line) {
      if (left-- === 0) break
      try {
        const { exchange, key, message, resolve, reject } = publish
        const options = restOf(publish)
        this.#checkOpen(options)
        const route = this.#finder.find(exchange, key, message.given)
        if (route.producers === null) {
          publish.closed = route.targets.filter(target => this.#producers.openedFor(target) === undefined)
          return publish
        }
        this.#send(exchange, key, message, options, route, resolve, reject)
      } catch (error) {
        publish.reject(error)
      }
      this.#leave(publish)
    }
    return null
  }

  /** A target that is deleted meanwhile is in no newer table. */
  async #open(publish: Waiting): Promise<void> {
    publish.openings++
    try {
      await Promise.all(publish.closed.map(({ name, id }) => this.#producers.openTopic(name, id)))
      if (publish.openings <= OPENINGS_MAX) return
      const [{ name, kind }] = publish.closed as [RouteTarget]
      publish.reject(deletedTopic(name, kind))
    } catch (error) {
      if (publish.openings < OPENINGS_MAX) return
      publish.reject(error)
    }
    this.#leave(publish)
  }

  /** The producers of its targets are open. @throws MillraceError if nothing of it is sent */
  #send(
    { name }: NamedExchange,
    key: string,
    message: RoutedMessage,
    options: RouteOptions,
    route: FoundRoute,
    resolve: (receipt: RouteReceipt | Promise<RouteReceipt>) => void,
    reject: (error: unknown) => void,
  ): void {
    if (route.targets.length > 0) this.#sends.send(name, message, options, route, resolve, reject)
    else if (options.unroutable === 'drop') resolve(new RoutedReceipt([], []))
    else throw unroutable(name, key)
  }
}

/** @throws MillraceError MILL_TIMEOUT */
function restOf({ options, since, key, exchange }: Waiting): RouteOptions {
  const { timeoutMs } = options
  if (timeoutMs === undefined || timeoutMs === Number.POSITIVE_INFINITY) return options
  const left = timeoutMs - (nowMs() - since)
  if (left > 0) return { ...options, timeoutMs: left }
  throw new MillraceError(
    'MILL_TIMEOUT',
    `exchange ${exchange.name} had not found the targets of ${show(key)} after ${timeoutMs} ms; no target has the message`,
    { retriable: true },
  )
}

function nameOf({ name }: RouteTarget): string {
  return name
}

function unroutable(exchange: string, key: string): MillraceError {
  return new MillraceError(
    'MILL_UNROUTABLE',
    `no binding of exchange ${exchange} takes a message with the routing key ${show(key)}, and no alternate: bind a queue, give the exchange an \`alternate\`, or publish with { unroutable: 'drop' }`,
  )
}
