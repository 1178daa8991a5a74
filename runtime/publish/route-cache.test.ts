/** Routes that are kept: found again, forgotten all at once, and not kept while they are of little use. */
import t from 'tap'
import { RouteCache } from './route-cache.ts'

const BOUND = 4_096

function use(cache: RouteCache<number>, exchange: number, key: number): boolean {
  const found = cache.find(exchange, `k${key}`)
  if (found === undefined) cache.keep(exchange, `k${key}`, key)
  else if (found !== key) throw new Error(`${key} went where ${found} goes`)
  return found !== undefined
}

t.test('what was kept is found, by exchange and key, until it is cleared', async t => {
  const cache = new RouteCache<number>()
  cache.keep(1, 'k', 10)
  cache.keep(2, 'k', 20)
  t.strictSame(
    [cache.find(1, 'k'), cache.find(2, 'k'), cache.find(3, 'k'), cache.find(1, 'l')],
    [10, 20, undefined, undefined],
  )
  cache.clear()
  t.equal(cache.find(1, 'k'), undefined)
})

t.test('of more keys than fit, used often, some are found', async t => {
  const cache = new RouteCache<number>()
  let hits = 0
  for (let round = 0; round < 10; round++)
    for (let key = 0; key < BOUND + 100; key++) for (let time = 0; time < 3; time++) if (use(cache, 1, key)) hits++
  t.ok(hits > 10 * BOUND, `${hits}`)
})

t.test('keys that hardly come twice are not kept for a while, and then tried again', async t => {
  const cache = new RouteCache<number>()
  let key = 0
  for (; key <= BOUND; key++) use(cache, 1, key)
  t.notOk(use(cache, 1, key))
  t.notOk(use(cache, 1, key), 'not kept')
  for (let n = 0; n < 16 * BOUND; n++) use(cache, 1, 0)
  t.ok(use(cache, 1, 0), 'kept again')
})
