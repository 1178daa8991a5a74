/**
 * Where a message goes, worked out from the list of all bindings by the words of AMQP: slow, and short enough to be read as the rule.
 *
 * Any thread. Pure. The patterns are matched by recursion over both lists of words.
 */

import type { BoundBy, RoutedHeaders, Target } from '../wire/route-changes.ts'
import type { ExchangeType, HeaderMatch } from '../words/exchange.ts'
import { valueKey } from './header-value.ts'

interface NaiveExchange {
  readonly type: ExchangeType
  readonly alternate: string | null
  bindings: { readonly target: Target; readonly by: BoundBy }[]
}

export class NaiveExchanges {
  readonly exchanges: Map<string, NaiveExchange> = new Map()

  declare(name: string, type: ExchangeType, alternate: string | null): void {
    this.exchanges.set(name, { type, alternate, bindings: [] })
  }

  bind(exchange: string, target: Target, by: BoundBy): void {
    this.unbind(exchange, target, by)
    this.exchanges.get(exchange)?.bindings.push({ target, by })
  }

  unbind(name: string, target: Target, by: BoundBy): void {
    const exchange = this.exchanges.get(name)
    if (exchange === undefined) return
    exchange.bindings = exchange.bindings.filter(each => each.target.name !== target.name || !isSame(each.by, by))
  }

  forget(name: string): void {
    this.exchanges.delete(name)
    for (const exchange of this.exchanges.values())
      exchange.bindings = exchange.bindings.filter(({ target }) => target.name !== name)
  }

  /** Names of queues and topics, sorted. */
  route(name: string, key: string, headers: RoutedHeaders): string[] {
    const queues = new Set<string>()
    const entered = new Set<string>()
    const enter = (exchangeName: string): void => {
      const exchange = this.exchanges.get(exchangeName)
      if (exchange === undefined || entered.has(exchangeName)) return
      entered.add(exchangeName)
      const taking = exchange.bindings.filter(({ by }) => takes(exchange.type, by, key, headers))
      for (const { target } of taking) {
        if (target.kind === 'exchange') enter(target.name)
        else queues.add(target.name)
      }
      if (taking.length === 0 && exchange.alternate !== null) enter(exchange.alternate)
    }
    enter(name)
    return [...queues].sort()
  }
}

function takes(type: ExchangeType, by: BoundBy, key: string, headers: RoutedHeaders): boolean {
  switch (type) {
    case 'fanout':
      return true
    case 'direct':
      return by === key
    case 'topic':
      return matches(splitWords(by as string), splitWords(key))
    case 'headers':
      return takesHeaders(by as HeaderMatch, headers)
  }
}

function splitWords(text: string): string[] {
  return text.length === 0 ? [] : text.split('.')
}

function matches([pattern, ...patterns]: string[], words: string[]): boolean {
  if (pattern === undefined) return words.length === 0
  if (pattern === '#') return words.some((_, i) => matches(patterns, words.slice(i))) || matches(patterns, [])
  return words.length > 0 && (pattern === '*' || pattern === words[0]) && matches(patterns, words.slice(1))
}

function takesHeaders({ match, headers: wanted }: HeaderMatch, headers: RoutedHeaders): boolean {
  const given = new Map(Object.entries(headers))
  const isThere = ([name, value]: [string, string | Uint8Array | null]): boolean => {
    const found = given.get(name)
    return found !== undefined && (value === null || valueKey(found) === valueKey(value))
  }
  const conditions = Object.entries(wanted).filter(([name]) => match.endsWith('with-x') || !name.startsWith('x-'))
  return match.startsWith('all') ? conditions.every(isThere) : conditions.some(isThere)
}

function isSame(one: BoundBy, other: BoundBy): boolean {
  if (typeof one === 'string' || typeof other === 'string') return one === other
  const names = Object.keys(one.headers)
  return (
    one.match === other.match &&
    names.length === Object.keys(other.headers).length &&
    names.every(
      name =>
        Object.hasOwn(other.headers, name) &&
        valueKey(one.headers[name] as string) === valueKey(other.headers[name] as string),
    )
  )
}
