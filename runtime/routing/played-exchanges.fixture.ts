/**
 * Plays a seed: the same exchanges, bindings, unbindings and deletions in the tables and in the naive model, and keys sent through both.
 *
 * Any thread. Pure.
 */
import type { TablePosition } from '../wire/route-changes.ts'
import { Bindings } from './bindings.ts'
import { ExchangeRoutes } from './exchange-routes.ts'
import { NaiveExchanges } from './naive-exchanges.fixture.ts'
import { Draw, drawExchanges, drawTarget } from './random-exchanges.fixture.ts'

/** Counted, so that a play that meets nothing cannot pass for one that does. */
export interface Played {
  routes: number
  found: number
  unroutable: number
  unbound: number
  removed: number
}

export function nothingPlayed(): Played {
  return { routes: 0, found: 0, unroutable: 0, unbound: 0, removed: 0 }
}

/** The first difference, in a sentence; null: there is none. */
export function playExchanges(seed: number, steps: number, played: Played): string | null {
  const draw = new Draw(seed)
  const exchanges = drawExchanges(draw)
  const bindings = new Bindings()
  const naive = new NaiveExchanges()
  const follower = new Follower(bindings)
  const declare = (exchange: (typeof exchanges)[number]): void => {
    bindings.declare({ id: 0, ...exchange })
    naive.declare(exchange.name, exchange.type, exchange.alternate)
  }
  for (const exchange of exchanges) declare(exchange)

  const compare = (by: ExchangeRoutes): string | null => {
    const { name } = draw.of(exchanges)
    const [key, headers] = [draw.key(), draw.headers()]
    const expected = naive.route(name, key, headers)
    const actual = by
      .route(name, key, headers)
      .map(target => target.name)
      .sort()
    played.routes++
    played.found += actual.length
    if (actual.length === 0) played.unroutable++
    if (expected.join() === actual.join()) return null
    return `seed ${seed}: ${name} ${JSON.stringify([key, headers])} went to [${actual}], not to [${expected}]`
  }
  const done: [string, ReturnType<typeof drawTarget>, ReturnType<typeof draw.by>][] = []
  for (let step = 0; step < steps; step++) {
    const exchange = draw.of(exchanges)
    const action = draw.below(40)
    if (action < 14) {
      const [target, by] = [drawTarget(draw, exchanges), draw.by(exchange.type)]
      bindings.bind(exchange.name, target, by)
      naive.bind(exchange.name, target, by)
      done.push([exchange.name, target, by])
    } else if (action < 20 && done.length > 0) {
      const [name, target, by] = draw.of(done)
      if (bindings.unbind(name, target, by)) played.unbound++
      naive.unbind(name, target, by)
    } else if (action === 20) {
      const name = draw.below(2) === 0 ? exchange.name : drawTarget(draw, exchanges).name
      played.removed += bindings.forget(name).length
      naive.forget(name)
      const again = exchanges.find(each => each.name === name)
      if (again !== undefined) declare(again)
    } else {
      // Not each time: tables are several generations behind.
      if (draw.below(4) > 0) follower.follow()
      if (!follower.isUpToDate) continue
      const problem = compare(follower.routes)
      if (problem !== null) return problem
    }
  }
  const copy = new Follower(bindings)
  copy.follow()
  return compare(copy.routes)
}

/** A table that follows the bindings. */
class Follower {
  readonly routes: ExchangeRoutes = new ExchangeRoutes()
  readonly #bindings: Bindings
  #position: TablePosition = { seen: 0, generation: 0 }

  constructor(bindings: Bindings) {
    this.#bindings = bindings
  }

  get isUpToDate(): boolean {
    return this.#position.seen === this.#bindings.generation
  }

  follow(): void {
    const { changes, position } = this.#bindings.since(this.#position)
    for (const change of changes) this.routes.apply(change)
    this.#position = position
  }
}
