/**
 * Exchanges and their bindings as threads tell each other of them. Types only.
 *
 * Topics, queues and exchanges share one namespace, so a name alone says which target is meant. Numbers are never given twice in a
 * folder: what has the name of something that was deleted has another number.
 */
import type { Binding, ExchangeType, HeaderMatch } from '../words/exchange.ts'

/** Routing key or pattern of a binding; of a headers exchange what the headers must have. A fanout exchange looks at neither. */
export type BoundBy = string | HeaderMatch

/** The headers of a message. */
export type RoutedHeaders = { readonly [name: string]: string | Uint8Array }

export interface ExchangeShape {
  readonly id: number
  readonly name: string
  readonly type: ExchangeType
  /** Name of the exchange that takes what no binding takes; null: there is none. It need not exist. */
  readonly alternate: string | null
}

export interface Target {
  readonly kind: 'queue' | 'topic' | 'exchange'
  readonly name: string
}

/** A target as callers name it: `id` tells it from what had the name before. */
export interface BoundTarget extends Target {
  readonly id: number
}

/** Where a message goes in the end. */
export interface RouteTarget extends Target {
  readonly kind: 'queue' | 'topic'
  readonly id: number
}

/** Something that exists from now on. */
export type MadeRoute =
  | { readonly kind: 'declare'; readonly exchange: ExchangeShape }
  | { readonly kind: 'bind'; readonly exchange: string; readonly target: Target; readonly by: BoundBy }

/** Something that no longer exists. An exchange has no bindings by then. */
export type GoneRoute =
  | { readonly kind: 'remove'; readonly exchange: string }
  | { readonly kind: 'unbind'; readonly exchange: string; readonly target: Target; readonly by: BoundBy }

export type RouteChange = MadeRoute | GoneRoute

/** What a table knows: what was made up to the generation `seen`, as far as it existed in `generation`. Both are 0 of an empty table. */
export interface TablePosition {
  readonly seen: number
  readonly generation: number
}

/** What a table lacks, or the first part of it. */
export interface RoutePage {
  /** Changes, in order, after which the table is at `position`. Both its numbers are the same once it lacks nothing. */
  readonly changes: readonly RouteChange[]
  readonly position: TablePosition
  /** The table was too far behind: it begins again, empty, before the changes. */
  readonly restarts: boolean
}

/** A part of the bindings of an exchange. */
export interface BindingPage {
  readonly bindings: readonly Binding[]
  /** Where the next part begins; null: there is none. */
  readonly next: number | null
}

/** An exchange, as callers are told. */
export interface ExchangeListing extends Omit<ExchangeShape, 'id'> {
  /** Bindings of its own. */
  readonly bindings: number
}
