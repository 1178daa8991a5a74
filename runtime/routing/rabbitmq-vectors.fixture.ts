/**
 * What a real RabbitMQ did with drawn exchanges, bindings and messages: kept in `rabbitmq-vectors.jsonl`, a world a line.
 *
 * Any thread. Made by `npm run test:rabbitmq`, replayed by `npm test`.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import type { BoundBy, RoutedHeaders, Target } from '../wire/route-changes.ts'
import { Bindings } from './bindings.ts'
import { ExchangeRoutes } from './exchange-routes.ts'
import { type Draw, type DrawnExchange, drawExchanges, drawTarget } from './random-exchanges.fixture.ts'

export interface World {
  readonly exchanges: readonly DrawnExchange[]
  readonly bindings: readonly (readonly [exchange: string, kind: Target['kind'], target: string, by: BoundBy])[]
  readonly messages: readonly (readonly [exchange: string, key: string, headers: RoutedHeaders])[]
}

/** With the queues that each message arrived in, sorted and joined by spaces. */
export interface AnsweredWorld extends World {
  readonly arrived: readonly string[]
}

/** From dist to the file beside this one's source. */
const file = new URL('../../../runtime/routing/rabbitmq-vectors.jsonl', import.meta.url)
const BINDINGS_MAX = 16

export function drawWorld(draw: Draw, messages: number): World {
  const exchanges = drawExchanges(draw)
  const hasHeaders = exchanges.some(({ type }) => type === 'headers')
  return {
    exchanges,
    bindings: Array.from({ length: 4 + draw.below(BINDINGS_MAX - 3) }, () => {
      const { name, type } = draw.of(exchanges)
      const target = drawTarget(draw, exchanges)
      return [name, target.kind, target.name, draw.by(type)] as const
    }),
    messages: Array.from({ length: messages }, () => {
      const { name } = draw.of(exchanges)
      return [name, draw.key(), hasHeaders ? draw.headers() : {}] as const
    }),
  }
}

/** Messages that our tables send elsewhere than RabbitMQ did, a sentence each. */
export function differences({ exchanges, bindings, messages, arrived }: AnsweredWorld): string[] {
  const truth = new Bindings()
  const routes = new ExchangeRoutes()
  for (const [id, exchange] of exchanges.entries()) truth.declare({ id, ...exchange })
  for (const [exchange, kind, name, by] of bindings) truth.bind(exchange, { kind, name }, by)
  for (const change of truth.since({ seen: 0, generation: 0 }).changes) routes.apply(change)
  return messages.flatMap((message, i) => {
    const targets = routes.route(...message).map(({ name }) => name)
    const ours = targets.sort().join(' ')
    return ours === arrived[i] ? [] : [`${JSON.stringify(message)} goes to [${ours}], not to [${arrived[i]}]`]
  })
}

export function readVectors(): AnsweredWorld[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  return lines.map(line => JSON.parse(line) as AnsweredWorld)
}

export function writeVectors(worlds: readonly AnsweredWorld[]): void {
  writeFileSync(file, worlds.map(world => `${JSON.stringify(world)}\n`).join(''))
}
