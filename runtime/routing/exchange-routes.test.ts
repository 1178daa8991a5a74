import t from 'tap'
import type { RoutedHeaders, TablePosition, Target } from '../wire/route-changes.ts'
import type { ExchangeType, HeaderMatch } from '../words/exchange.ts'
import { Bindings } from './bindings.ts'
import { ExchangeRoutes } from './exchange-routes.ts'
import { nothingPlayed, playExchanges } from './played-exchanges.fixture.ts'

const queue = (name: string): Target => ({ kind: 'queue', name })
const exchange = (name: string): Target => ({ kind: 'exchange', name })

/** Bindings and the tables that follow them. */
class House {
  readonly bindings: Bindings = new Bindings()
  readonly routes: ExchangeRoutes = new ExchangeRoutes()
  #position: TablePosition = { seen: 0, generation: 0 }

  declare(name: string, type: ExchangeType, alternate: string | null = null): void {
    this.bindings.declare({ id: 0, name, type, alternate })
    this.follow()
  }

  bind(name: string, target: Target, by: string | HeaderMatch = ''): void {
    this.bindings.bind(name, target, by)
    this.follow()
  }

  /** How many changes there were. */
  follow(): number {
    const { changes, position } = this.bindings.since(this.#position)
    for (const change of changes) this.routes.apply(change)
    this.#position = position
    return changes.length
  }

  route(name: string, key: string, headers: RoutedHeaders = {}): string[] {
    return this.routes
      .route(name, key, headers)
      .map(target => target.name)
      .sort()
  }
}

t.test('messages go where the naive model sends them, whatever is bound, unbound and deleted', async t => {
  const played = nothingPlayed()
  const problems: string[] = []
  for (let seed = 1; seed <= 3_000; seed++) {
    const problem = playExchanges(seed, 60, played)
    if (problem !== null) problems.push(problem)
  }
  t.strictSame(problems, [])
  t.ok(played.routes > 50_000 && played.found > 30_000 && played.unroutable > 10_000, JSON.stringify(played))
  t.ok(played.unbound > 5_000 && played.removed > 5_000, JSON.stringify(played))
})

t.test("RabbitMQ's tutorial on topics: quick orange rabbits", async t => {
  // Source: https://www.rabbitmq.com/tutorials/tutorial-five-javascript
  const house = new House()
  house.declare('animals', 'topic')
  house.bind('animals', queue('Q1'), '*.orange.*')
  house.bind('animals', queue('Q2'), '*.*.rabbit')
  house.bind('animals', queue('Q2'), 'lazy.#')
  t.strictSame(house.route('animals', 'quick.orange.rabbit'), ['Q1', 'Q2'])
  t.strictSame(house.route('animals', 'lazy.orange.elephant'), ['Q1', 'Q2'])
  t.strictSame(house.route('animals', 'quick.orange.fox'), ['Q1'])
  t.strictSame(house.route('animals', 'lazy.brown.fox'), ['Q2'])
  t.strictSame(house.route('animals', 'lazy.pink.rabbit'), ['Q2'])
  t.strictSame(house.route('animals', 'quick.brown.fox'), [])
  t.strictSame(house.route('animals', 'orange'), [])
  t.strictSame(house.route('animals', 'quick.orange.new.rabbit'), [])
  t.strictSame(house.route('animals', 'lazy.orange.new.rabbit'), ['Q2'])
})

t.test("RabbitMQ's tutorial on direct exchanges: severities, and two queues of one key", async t => {
  // Source: https://www.rabbitmq.com/tutorials/tutorial-four-javascript
  const house = new House()
  house.declare('logs', 'direct')
  house.bind('logs', queue('file'), 'error')
  for (const severity of ['info', 'error', 'warning']) house.bind('logs', queue('screen'), severity)
  t.strictSame(house.route('logs', 'error'), ['file', 'screen'])
  t.strictSame(house.route('logs', 'info'), ['screen'])
  t.strictSame(house.route('logs', 'info.x'), [])
})

t.test('a headers exchange matches all or any, with and without names that begin with x-', async t => {
  const house = new House()
  house.declare('h', 'headers')
  const headers = { type: 'report', format: 'pdf', 'x-tenant': '7' }
  for (const match of ['all', 'any', 'all-with-x', 'any-with-x'] as const)
    house.bind('h', queue(match), { match, headers })
  t.strictSame(house.route('h', '', { type: 'report', format: 'pdf' }), ['all', 'any', 'any-with-x'])
  t.strictSame(house.route('h', '', headers), ['all', 'all-with-x', 'any', 'any-with-x'])
  t.strictSame(house.route('h', '', { 'x-tenant': '7' }), ['any-with-x'])
  t.strictSame(house.route('h', '', { type: 'other', format: 'pdf' }), ['any', 'any-with-x'])
  t.strictSame(house.route('h', '', { type: 'report', format: 'other' }), ['any', 'any-with-x'])
  t.strictSame(house.route('h', '', {}), [])

  house.bind('h', queue('there'), { match: 'all', headers: { type: null } })
  house.bind('h', queue('always'), { match: 'all', headers: {} })
  house.bind('h', queue('never'), { match: 'any', headers: {} })
  house.bind('h', queue('bytes'), { match: 'all', headers: { raw: Uint8Array.of(1, 2) } })
  t.strictSame(house.route('h', '', { type: 'x' }), ['always', 'there'])
  t.strictSame(house.route('h', '', { raw: Uint8Array.of(1, 2) }), ['always', 'bytes'])
  t.strictSame(house.route('h', '', { raw: '1,2' }), ['always'])
})

t.test('an alternate takes what no binding takes, each exchange for itself', async t => {
  const house = new House()
  house.declare('rest', 'fanout')
  house.bind('rest', queue('unrouted'))
  house.declare('inner', 'topic')
  house.bind('inner', queue('inside'), 'a.b')
  house.declare('outer', 'topic', 'rest')
  house.bind('outer', exchange('inner'), 'a.#')
  t.strictSame(house.route('outer', 'a.b'), ['inside'])
  t.strictSame(house.route('outer', 'z'), ['unrouted'])
  t.strictSame(house.route('outer', 'a.c'), [], 'a binding took it, though it led nowhere')

  house.declare('lost', 'direct', 'missing')
  t.strictSame(house.route('lost', 'k'), [])
  house.declare('missing', 'fanout')
  house.bind('missing', queue('found'))
  t.strictSame(house.route('lost', 'k'), ['found'], 'an alternate may be declared later')
})

t.test('an alternate of the name of a queue is not that queue', async t => {
  const house = new House()
  house.declare('x', 'direct', 'orders')
  house.bind('x', queue('orders'), 'a')
  t.strictSame(house.route('x', 'a'), ['orders'])
  t.strictSame(house.route('x', 'b'), [])
})

t.test('circles of bindings and of alternates end, and a queue is found once', async t => {
  const house = new House()
  house.declare('a', 'fanout')
  house.declare('b', 'topic')
  house.bind('a', exchange('b'))
  house.bind('a', exchange('a'))
  house.bind('b', exchange('a'), '#')
  for (const by of ['#', 'k', '*', '#.k']) house.bind('b', queue('q'), by)
  house.bind('a', queue('q'))
  t.strictSame(house.route('a', 'k'), ['q'])
  t.strictSame(house.route('b', 'k'), ['q'])

  house.declare('c', 'direct', 'd')
  house.declare('d', 'direct', 'c')
  t.strictSame(house.route('c', 'k'), [])
})

t.test('the empty key is of its own exchange only', async t => {
  // Source: bug 16271 of rabbitmq-server.
  const house = new House()
  house.declare('one', 'topic')
  house.declare('other', 'topic')
  house.bind('one', queue('q'), '')
  t.strictSame(house.route('one', ''), ['q'])
  t.strictSame(house.route('other', ''), [])
  house.bind('other', queue('deep'), 'a.')
  t.strictSame(house.route('other', ''), [])
  t.strictSame(house.route('other', 'a.'), ['deep'])
  t.strictSame(house.route('other', 'a'), [])
})

t.test('a binding is taken away by the pattern that it was made with, and by no other that means the same', async t => {
  const house = new House()
  house.declare('x', 'topic')
  house.bind('x', queue('q'), '#.#')
  t.notOk(house.bindings.unbind('x', queue('q'), '#'))
  t.equal(house.follow(), 0)
  t.strictSame(house.route('x', 'a'), ['q'])
  house.bind('x', queue('q'), '#')
  house.bind('x', queue('q'), '#')
  t.ok(house.bindings.unbind('x', queue('q'), '#.#'))
  t.equal(house.follow(), 1)
  t.strictSame(house.route('x', 'a'), ['q'])
  t.ok(house.bindings.unbind('x', queue('q'), '#'))
  t.equal(house.follow(), 1)
  t.strictSame(house.route('x', 'a'), [])
})

t.test('a deleted queue takes its bindings along, and a deleted exchange those to it and its own', async t => {
  const house = new House()
  house.declare('a', 'fanout')
  house.declare('b', 'fanout')
  house.bind('a', exchange('b'))
  house.bind('b', queue('q'))
  house.bind('b', queue('r'))
  house.bindings.forget('q')
  house.follow()
  t.strictSame(house.route('a', ''), ['r'])
  house.bindings.forget('b')
  house.follow()
  t.strictSame(house.route('a', ''), [])
  t.strictSame(house.route('b', ''), [])
  house.declare('b', 'fanout')
  house.bind('b', queue('q'))
  t.strictSame(house.route('a', ''), [], 'a new one of that name has none of the old bindings')
})
