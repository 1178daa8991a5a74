/**
 * Exchanges, bindings and keys drawn from a seed: of all types, with '', `a..b`, `#` in every place, circles and alternates.
 *
 * Any thread. Pure. Few words and names, so that much of it meets.
 */
import type { BoundBy, ExchangeShape, RoutedHeaders, Target } from '../wire/route-changes.ts'
import type { ExchangeType, HeaderMatch } from '../words/exchange.ts'

const TYPES: readonly ExchangeType[] = ['direct', 'topic', 'topic', 'fanout', 'headers']
const MATCHES: readonly HeaderMatch['match'][] = ['all', 'any', 'all-with-x', 'any-with-x']
const WORDS = ['a', 'b', 'c', '', 'ab', 'orders', '*', '#']
const HEADER_NAMES = ['a', 'b', 'c', 'x-a', 'x-b', '__proto__']
const HEADER_VALUES = ['1', '2', '']
const EXCHANGES_MAX = 6
const QUEUES = 8

export class Draw {
  #state: number

  constructor(seed: number) {
    this.#state = Math.imul(seed, 0x9e37_79b1) | 0
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b_79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }

  key(): string {
    return Array.from({ length: this.below(6) }, () => this.of(WORDS.slice(0, this.below(8) === 0 ? 8 : 6))).join('.')
  }

  pattern(): string {
    return Array.from({ length: this.below(6) }, () => this.of(this.below(2) === 0 ? ['*', '#', '#'] : WORDS)).join('.')
  }

  headers(): RoutedHeaders {
    const names = HEADER_NAMES.filter(() => this.below(2) === 0)
    return Object.fromEntries(names.map(name => [name, this.of(HEADER_VALUES)]))
  }

  by(type: ExchangeType): BoundBy {
    if (type === 'topic') return this.pattern()
    if (type !== 'headers') return this.key()
    const names = HEADER_NAMES.filter(() => this.below(3) === 0)
    const headers = Object.fromEntries(names.map(name => [name, this.below(4) === 0 ? null : this.of(HEADER_VALUES)]))
    return { match: this.of(MATCHES), headers }
  }
}

/** As the vectors of RabbitMQ have it. */
export type DrawnExchange = Omit<ExchangeShape, 'id'>

export function drawExchanges(draw: Draw): DrawnExchange[] {
  const count = 1 + draw.below(EXCHANGES_MAX)
  return Array.from({ length: count }, (_, i) => ({
    name: `x${i}`,
    type: draw.of(TYPES),
    // One more than there are: an alternate may be missing.
    alternate: draw.below(3) === 0 ? `x${draw.below(count + 1)}` : null,
  }))
}

export function drawTarget(draw: Draw, exchanges: readonly DrawnExchange[]): Target {
  if (draw.below(4) === 0) return { kind: 'exchange', name: draw.of(exchanges).name }
  const queue = draw.below(QUEUES)
  return queue === 0 ? { kind: 'topic', name: 't0' } : { kind: 'queue', name: `q${queue}` }
}
