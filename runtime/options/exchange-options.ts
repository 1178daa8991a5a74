/** Options with which an exchange is opened, and what a binding goes by: spelling, bounds, and what its type allows. Any thread. */
import { isWellFormed } from '../words/codec.ts'
import { MillraceError } from '../words/errors.ts'
import type { ExchangeOptions, ExchangeType, HeaderMatch } from '../words/exchange.ts'
import { checkName, show } from '../words/names.ts'
import { checkRoutingKey } from '../words/routing-key.ts'
import { grouped, invalid, oneOf, outOfRange, type Rule, required } from './option-rules.ts'
import { check, type Filled, type Given, type Table } from './option-table.ts'

/** Conditions of one binding. */
const HEADERS_MAX = 64
/** Their names and values together; the catalog keeps them, and each thread that publishes. */
const HEADERS_BYTES_MAX = 4_096

export interface CheckedExchangeOptions extends Filled<ExchangeOptions, 'type' | 'alternate'>, Given {}

const EXCHANGE: Table<CheckedExchangeOptions> = {
  type: { missing: () => undefined, check: oneOf(['direct', 'topic', 'fanout', 'headers'], 'direct').check },
  alternate: {
    missing: () => undefined,
    check: (value, at) => {
      if (typeof value === 'string') return checkName('exchange', value)
      throw invalid(`\`${at}\` must be the name of an exchange, not ${show(value)}`)
    },
  },
}

const conditions: Rule<HeaderMatch['headers']> = {
  missing: at => checkedConditions(undefined, at),
  check: checkedConditions,
}

const MATCH: Table<HeaderMatch & Given> = {
  match: required(oneOf(['all', 'any', 'all-with-x', 'any-with-x'], 'all')),
  headers: conditions,
}

/** @throws MillraceError, as below */
export function checkExchangeOptions(options: unknown): CheckedExchangeOptions {
  return check<CheckedExchangeOptions>('exchange', EXCHANGE, options)
}

/** What a binding to an exchange of that type goes by; '' where it looks at nothing. */
export function checkBinding(type: ExchangeType, exchange: string, by: unknown): string | HeaderMatch {
  switch (type) {
    case 'fanout':
      if (by === undefined || by === '') return ''
      throw invalid(
        `exchange ${exchange} is of type fanout and takes every message: bind without ${typeof by === 'string' ? 'a pattern' : 'a condition'}, or make it a topic or headers exchange`,
      )
    case 'headers':
      if (typeof by === 'object' && by !== null) return matchOf(by)
      throw invalid(
        `exchange ${exchange} is of type headers and looks at no key: bind by { match: 'all', headers: { name: 'value' } }, not ${show(by)}`,
      )
    case 'direct':
    case 'topic': {
      const what = type === 'direct' ? 'routing key' : 'pattern'
      if (typeof by === 'string') return checkRoutingKey(by, what)
      const help = type === 'direct' ? "such as 'error'" : "such as 'orders.*' or 'orders.#'"
      throw invalid(`exchange ${exchange} is of type ${type}: bind by a ${what}, ${help}, not ${show(by)}`)
    }
  }
}

function matchOf(by: object): HeaderMatch {
  if (!Object.hasOwn(by, 'match') && !Object.hasOwn(by, 'headers'))
    throw invalid(
      "a binding by headers says how many of them must match: write { match: 'all', headers: { name: 'value' } }",
    )
  const { match, headers } = check<HeaderMatch & Given>('binding', MATCH, by)
  return Object.freeze({ match, headers })
}

function checkedConditions(value: unknown, at: string): HeaderMatch['headers'] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Map)
    throw invalid(`\`${at}\` must be an object of header names and values, not ${show(value)}`)
  const copy: Record<string, string | Uint8Array | null> = Object.create(null)
  const names = Object.keys(value)
  if (names.length === 0)
    throw invalid(`\`${at}\` must have at least one header: a binding without one would take everything or nothing`)
  if (names.length > HEADERS_MAX)
    throw outOfRange(`\`${at}\` must have at most ${HEADERS_MAX} headers, not ${grouped(names.length)}`)
  let bytes = 0
  for (const name of names) {
    const condition: unknown = Reflect.get(value, name)
    const checked = checkedCondition(name, condition, at)
    bytes += Buffer.byteLength(name) + (checked === null ? 0 : Buffer.byteLength(checked))
    copy[name] = checked
  }
  if (bytes <= HEADERS_BYTES_MAX) return Object.freeze(copy)
  throw outOfRange(
    `\`${at}\` must have at most ${grouped(HEADERS_BYTES_MAX)} bytes in names and values, not ${grouped(bytes)}`,
  )
}

function checkedCondition(name: string, value: unknown, at: string): string | Uint8Array | null {
  if (value === null) return value
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (typeof value !== 'string')
    throw invalid(`\`${at}\`: ${show(name)} must be a string, a Uint8Array, or null for any value, not ${show(value)}`)
  if (isWellFormed(value) && isWellFormed(name)) return value
  throw new MillraceError('MILL_UNSERIALISABLE', `\`${at}\`: ${show(name)} has half a surrogate pair in name or value`)
}
