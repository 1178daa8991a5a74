import t from 'tap'
import { jsonPath } from './json-path.ts'

t.test('names the place of the first culprit', async t => {
  t.equal(jsonPath({ a: 1, items: [{ id: 1 }, { id: 2n }] }, 'bigint'), 'value.items[1].id')
  t.equal(jsonPath({ 'odd key': { ä: 1n } }, 'bigint'), 'value["odd key"]["\\u00e4"]')
  const order: Record<string, unknown> = { id: 1n }
  order.lines = [{ order }]
  t.equal(jsonPath(order, 'cycle'), 'value.lines[0].order')
  const shared = { x: 1 }
  t.equal(jsonPath({ a: shared, b: shared }, 'cycle'), undefined, 'what is there twice is no cycle')
  t.equal(jsonPath(1n, 'bigint'), undefined, 'the value itself has no place')
  t.equal(jsonPath(null, 'cycle'), undefined)
})

t.test('it calls nothing of the value, and gives up beyond its bounds', async t => {
  const hostile = {
    get field(): never {
      throw new Error('called')
    },
    proxy: new Proxy({}, { ownKeys: () => t.fail('called') as never }),
    toJSON: () => t.fail('called'),
    last: 1n,
  }
  t.equal(jsonPath(hostile, 'bigint'), 'value.last')
  let deep: unknown = 1n
  for (let level = 0; level < 10_000; level++) deep = [deep]
  t.equal(jsonPath(deep, 'bigint'), undefined)
  t.equal(jsonPath([...new Array(20_000).fill(0), 1n], 'bigint'), undefined)
})
