/**
 * Finds what a message that is published to an exchange needs: its targets, their producers on this thread, the header with its routing key.
 *
 * The producer's thread. What was found for a routing key is kept for the next message with it (route-cache.ts), for as long as no binding changes,
 * unless headers had a say. Called where the tables are whole: when they are fresh, or right after they were refreshed.
 */
import { RoutingKeyHeader } from '../log/format/routing-key-header.ts'
import type { RoutedHeaders, RouteTarget } from '../wire/route-changes.ts'
import { deletedTopic } from '../words/deleted-topic.ts'
import { MillraceError } from '../words/errors.ts'
import type { Headers } from '../words/message.ts'
import { show } from '../words/names.ts'
import type { ExchangeTables } from './exchange-tables.ts'
import { type KeptRoute, RouteCache } from './route-cache.ts'
import type { TopicProducer } from './topic-producer.ts'

/** An exchange as its users know it; `id` null: whichever has the name when the message is routed. */
export interface NamedExchange {
  readonly name: string
  readonly id: number | null
}

/** What the thread knows of exchanges. */
export type ThreadRoutes = Pick<
  ExchangeTables,
  'fresh' | 'generation' | 'looksAtHeaders' | 'refresh' | 'numberOf' | 'find'
>

/** The producers of the thread. */
export interface RouteProducers {
  /** The producer of this target, if it is open. */
  openedFor(target: RouteTarget): TopicProducer | undefined
  /** Opens it. */
  openTopic(name: string, topic: number): Promise<TopicProducer>
}

export interface FoundRoute extends KeptRoute {
  readonly targets: readonly RouteTarget[]
  /** Of the targets, in their order; null: not all are open. */
  readonly producers: readonly TopicProducer[] | null
  /** The producer, if there is one target; null: there are more or none, or it is not open. */
  readonly only: TopicProducer | null
  /** Headers of a message that has none of its own. */
  readonly header: Headers
}

export class RouteFinder {
  readonly #routes: ThreadRoutes
  readonly #producers: RouteProducers
  readonly #cache = new RouteCache<FoundRoute>()
  /** Of what is in the cache. */
  #generation = 0

  constructor(routes: ThreadRoutes, producers: RouteProducers) {
    this.#routes = routes
    this.#producers = producers
  }

  /** What was found for this routing key before, whatever the headers are; undefined: nothing is kept. @throws MillraceError MILL_INVALID_OPTION */
  known({ name, id }: NamedExchange, key: string): FoundRoute | undefined {
    const { generation } = this.#routes
    if (generation !== this.#generation) {
      this.#cache.clear()
      this.#generation = generation
    }
    return this.#cache.find(id ?? this.#numberOf(name), key)
  }

  /** @throws MillraceError MILL_TOPIC_DELETED, MILL_INVALID_OPTION */
  find(named: NamedExchange, key: string, headers: RoutedHeaders | null): FoundRoute {
    return this.known(named, key) ?? this.findNew(named, key, headers)
  }

  /** Of a routing key for which nothing is kept. @throws MillraceError MILL_TOPIC_DELETED, MILL_INVALID_OPTION */
  findNew({ name, id }: NamedExchange, key: string, headers: RoutedHeaders | null): FoundRoute {
    const exchange = id ?? this.#numberOf(name)
    const targets = this.#routes.find(exchange, key, headers)
    if (targets === null) throw deletedTopic(name, 'exchange')
    const producers = this.#openOf(targets)
    const only = producers?.length === 1 ? (producers[0] as TopicProducer) : null
    const found = { exchange, key, targets, producers, only, header: RoutingKeyHeader.of(key) }
    if (found.producers !== null && !this.#routes.looksAtHeaders) this.#cache.keep(found)
    return found
  }

  /** The targets alone. @throws MillraceError as above */
  targetsOf({ name, id }: NamedExchange, key: string, headers: RoutedHeaders | null): readonly RouteTarget[] {
    const targets = this.#routes.find(id ?? this.#numberOf(name), key, headers)
    if (targets === null) throw deletedTopic(name, 'exchange')
    return targets
  }

  #numberOf(name: string): number {
    const number = this.#routes.numberOf(name)
    if (number !== undefined) return number
    throw new MillraceError(
      'MILL_INVALID_OPTION',
      `there is no exchange ${show(name)}: make it first, with broker.exchange and a \`type\``,
    )
  }

  #openOf(targets: readonly RouteTarget[]): TopicProducer[] | null {
    const producers: TopicProducer[] = []
    for (const target of targets) {
      const producer = this.#producers.openedFor(target)
      if (producer === undefined) return null
      producers.push(producer)
    }
    return producers
  }
}
