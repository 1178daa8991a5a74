/**
 * The bindings of a headers exchange: each under the header by which the fewest others are, so that few are tried for a message.
 *
 * Any thread. Pure. A binding that wants all of its headers is filed under one of them, the rarest at the time of binding. One that wants any is filed
 * under each. Without a header to look at, `all` takes every message and `any` takes none.
 * Source: rabbit_exchange_type_headers.erl for the meaning; that one tries every binding.
 *
 * Bound: distinct matches, with their headers. A message costs its headers, and the matches that are filed under them.
 */

import type { RoutedHeaders } from '../wire/route-changes.ts'
import type { HeaderMatch } from '../words/exchange.ts'
import { byText } from './binding-text.ts'
import type { FoundTargets } from './found-targets.ts'
import { valueKey } from './header-value.ts'
import { TargetLists } from './target-lists.ts'

interface Condition {
  readonly name: string
  /** '': any value. */
  readonly value: string
}

interface Match {
  readonly list: number
  readonly wantsAll: boolean
  readonly conditions: readonly Condition[]
  readonly filedUnder: readonly Condition[]
  bindings: number
}

export class HeaderIndex {
  readonly #targets = new TargetLists()
  readonly #matches = new Map<string, Match>()
  readonly #free: number[] = []
  /** By name of a header, then by value. */
  readonly #filed = new Map<string, Map<string, Set<Match>>>()
  readonly #always = new Set<Match>()
  /** Matches that were tried, in all walks. */
  visits = 0

  bind(match: HeaderMatch, target: number): void {
    const key = byText(match)
    let known = this.#matches.get(key)
    if (known === undefined) {
      known = this.#made(match, this.#free.pop() ?? this.#matches.size)
      this.#matches.set(key, known)
      this.#file(known)
    }
    known.bindings++
    this.#targets.add(known.list, target)
  }

  /** Removes a binding that was made. */
  unbind(match: HeaderMatch, target: number): void {
    const key = byText(match)
    const known = this.#matches.get(key) as Match
    this.#targets.remove(known.list, target)
    known.bindings--
    if (known.bindings > 0) return
    this.#matches.delete(key)
    this.#free.push(known.list)
    this.#unfile(known)
  }

  route(headers: RoutedHeaders, found: FoundTargets): void {
    for (const { list } of this.#always) this.#targets.collect(list, found)
    const given = new Map<string, string>()
    for (const name of Object.keys(headers)) given.set(name, valueKey(headers[name] as string | Uint8Array))
    for (const [name, value] of given) {
      const values = this.#filed.get(name)
      if (values === undefined) continue
      this.#try(values.get(''), given, found)
      this.#try(values.get(value), given, found)
    }
  }

  #try(matches: Set<Match> | undefined, headers: ReadonlyMap<string, string>, found: FoundTargets): void {
    if (matches === undefined) return
    for (const { list, wantsAll, conditions } of matches) {
      this.visits++
      if (!wantsAll || conditions.every(condition => holds(condition, headers))) this.#targets.collect(list, found)
    }
  }

  #made({ match, headers }: HeaderMatch, list: number): Match {
    const withX = match.endsWith('-with-x')
    const conditions = Object.keys(headers)
      .filter(name => withX || !name.startsWith('x-'))
      .map(name => ({ name, value: valueKey(headers[name] as string | Uint8Array | null) }))
    const wantsAll = match.startsWith('all')
    return { list, wantsAll, conditions, filedUnder: wantsAll ? this.#rarest(conditions) : conditions, bindings: 0 }
  }

  #rarest(conditions: readonly Condition[]): readonly Condition[] {
    let rarest: Condition | undefined
    let fewest = Number.POSITIVE_INFINITY
    for (const condition of conditions) {
      const count = this.#filed.get(condition.name)?.get(condition.value)?.size ?? 0
      if (count >= fewest) continue
      rarest = condition
      fewest = count
    }
    return rarest === undefined ? [] : [rarest]
  }

  #file(match: Match): void {
    if (match.wantsAll && match.conditions.length === 0) this.#always.add(match)
    for (const { name, value } of match.filedUnder) {
      const values = this.#filed.get(name) ?? new Map<string, Set<Match>>()
      const matches = values.get(value) ?? new Set()
      this.#filed.set(name, values.set(value, matches.add(match)))
    }
  }

  #unfile(match: Match): void {
    this.#always.delete(match)
    for (const { name, value } of match.filedUnder) {
      const values = this.#filed.get(name)
      const matches = values?.get(value)
      matches?.delete(match)
      if (matches?.size === 0) values?.delete(value)
      if (values?.size === 0) this.#filed.delete(name)
    }
  }
}

function holds({ name, value }: Condition, headers: ReadonlyMap<string, string>): boolean {
  return value === '' ? headers.has(name) : headers.get(name) === value
}
