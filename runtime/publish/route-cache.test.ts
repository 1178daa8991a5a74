/** Routes that are kept: found again, forgotten all at once, and not kept while they are of little use. */
import t from 'tap'
import { type KeptRoute, RouteCache } from './route-cache.ts'

const BOUND = 4_096

interface Route extends KeptRoute {
  readonly to: number
}

function use(cache: RouteCache<Route>, exchange: number, number: number): boolean {
  const key = `k${number}`
  const found = cache.find(exchange, key)
  if (found === undefined) cache.keep({ exchange, key, to: number })
  else if (found.to !== number) throw new Error(`${number} went where ${found.to} goes`)
  return found !== undefined
}

t.test('what was kept is found, by exchange and key, until it is cleared', async t => {
  const cache = new RouteCache<Route>()
  // Three that differ where nothing looks that finds their place.
  const keys = ['', 'k', 'an.orders.eu.paid', 'bn.orders.eu.paid', 'cn.orders.eu.paid', 'é'.repeat(100)]
  const places = [1, 2].flatMap(exchange => keys.map(key => ({ exchange, key, to: 10 * exchange + keys.indexOf(key) })))
  for (const route of places) cache.keep(route)
  for (let round = 0; round < 3; round++)
    for (const route of places) t.equal(cache.find(route.exchange, route.key), route)
  t.equal(cache.find(3, 'k'), undefined)
  t.equal(cache.find(1, 'dn.orders.eu.paid'), undefined)
  cache.clear()
  for (const { exchange, key } of places) t.equal(cache.find(exchange, key), undefined)
})

t.test('of more keys than fit, used often, some are found', async t => {
  const cache = new RouteCache<Route>()
  let hits = 0
  for (let round = 0; round < 10; round++)
    for (let key = 0; key < BOUND + 100; key++) for (let time = 0; time < 3; time++) if (use(cache, 1, key)) hits++
  t.ok(hits > 10 * BOUND, `${hits}`)
})

t.test('keys that hardly come twice are not kept for a while, and then tried again', async t => {
  const cache = new RouteCache<Route>()
  let key = 0
  for (; key <= BOUND; key++) use(cache, 1, key)
  t.notOk(use(cache, 1, key))
  t.notOk(use(cache, 1, key), 'not kept')
  for (let n = 0; n < 16 * BOUND; n++) use(cache, 1, 0)
  t.ok(use(cache, 1, 0), 'kept again')
})
