/**
 * What exchanges and their bindings are made of, and the changes by which the tables of a thread are kept. Types, and what makes two bindings one.
 *
 * Any thread. Pure. Topics, queues and exchanges share one namespace, so a name alone says which target is meant.
 */
import type { ExchangeType, HeaderMatch } from '../words/exchange.ts'

export type { ExchangeType, HeaderMatch }

/** Routing key or pattern of a binding; of a headers exchange what the headers must have. A fanout exchange looks at neither. */
export type BoundBy = string | HeaderMatch

export interface Target {
  readonly kind: 'queue' | 'topic' | 'exchange'
  readonly name: string
}

/** The headers of a message. */
export type RoutedHeaders = { readonly [name: string]: string | Uint8Array }

/** One change of the exchanges, in the order in which the catalog took it. */
export type RouteChange =
  | {
      readonly kind: 'declare'
      readonly exchange: string
      readonly type: ExchangeType
      readonly alternate: string | null
    }
  | { readonly kind: 'remove'; readonly exchange: string }
  | { readonly kind: 'bind' | 'unbind'; readonly exchange: string; readonly target: Target; readonly by: BoundBy }

/** A header value by which equal values are equal strings; `null` is ''. */
export function valueKey(value: string | Uint8Array | null): string {
  if (value === null) return ''
  return typeof value === 'string' ? `s${value}` : `b${Array.from(value).join()}`
}

/** Equal for two matches that a user would call the same: the order of their headers is none. */
export function matchKey({ match, headers }: HeaderMatch): string {
  const conditions = Object.keys(headers)
    .sort()
    .map(name => [name, valueKey(headers[name] as string | Uint8Array | null)])
  return JSON.stringify([match, conditions])
}
