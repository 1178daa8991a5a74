/**
 * What a thread knows of the exchanges of its broker, as whoever publishes by them sees it. Types only.
 *
 * The tables are a thread's own, and follow what the control thread has kept. A publish goes by tables that are `fresh`: they have every
 * binding whose call had been answered when the publish began.
 */
import type { RoutedHeaders } from '../routing/binding.ts'

/** A queue or a topic to which a message goes. */
export interface RouteTarget {
  readonly kind: 'queue' | 'topic'
  readonly name: string
  /** By which it is known from another one that has the name after it. */
  readonly id: number
}

export interface ThreadRoutes {
  /** Whether the tables are of the newest generation. */
  readonly fresh: boolean
  /** Resolves when they are of a generation that was the newest after the call. */
  refresh(): Promise<void>
  /** Number of the exchange of this name; undefined: there is none. */
  numberOf(exchange: string): number | undefined
  /** Targets of a message, each once, in an order that depends on the tables alone. Null: the exchange is gone. */
  find(exchange: number, routingKey: string, headers: RoutedHeaders | null): readonly RouteTarget[] | null
}
