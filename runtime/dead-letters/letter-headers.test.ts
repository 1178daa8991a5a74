import fc from 'fast-check'
import t from 'tap'
import type { Headers } from '../types.ts'
import { dyingHeaders, ownHeaders, replayedCount } from './letter-headers.ts'

const added = { 'millrace-topic': 'orders', 'millrace-reason': 'failed' }

t.test('what dies and comes back has the headers that it had', async () => {
  const name = fc.oneof(
    fc.string(),
    fc.constantFrom(
      'millrace-topic',
      'millrace-reason',
      'millrace-error-code',
      'millrace-x',
      'millrace-replayed',
      '__proto__',
      'millrace',
    ),
  )
  fc.assert(
    fc.property(fc.dictionary(name, fc.string(), { noNullPrototype: false }), own => {
      const back = ownHeaders(dyingHeaders(own, added, false))
      return JSON.stringify(Object.entries(back)) === JSON.stringify(Object.entries(own))
    }),
  )
})

t.test('nothing of an earlier death passes for the last one', async t => {
  const first = dyingHeaders({ mine: 'x' }, { ...added, 'millrace-error-code': 'E_OLD' }, false)
  const second = dyingHeaders(first, { 'millrace-topic': 'orders.g.dlq', 'millrace-reason': 'rejected' }, false)
  t.strictSame(
    { ...second },
    {
      mine: 'x',
      'millrace-before-topic': 'orders',
      'millrace-before-reason': 'failed',
      'millrace-before-error-code': 'E_OLD',
      'millrace-topic': 'orders.g.dlq',
      'millrace-reason': 'rejected',
    },
  )
})

t.test('headers that go round for ever do not grow', async t => {
  let headers: Headers = { mine: 'x' }
  const sizes = Array.from({ length: 5 }, () => {
    headers = dyingHeaders(headers, added, false)
    return JSON.stringify(headers).length
  })
  t.equal(new Set(sizes.slice(1)).size, 1)
})

t.test('the count of replays stays through deaths, and nonsense counts as none', async t => {
  const again = dyingHeaders({ 'millrace-replayed': '3' }, added, true)
  t.equal(replayedCount(again), 3)
  t.notOk('millrace-replayed' in ownHeaders(again))
  for (const value of ['', '-1', '1.5', 'x', '9'.repeat(20), new Uint8Array([51])])
    t.equal(replayedCount({ 'millrace-replayed': value }), 0)
})

t.test('what a publisher calls a count of replays counts for nothing, and comes back as it was', async t => {
  const letter = dyingHeaders({ 'millrace-replayed': '99' }, added, false)
  t.equal(replayedCount(letter), 0)
  t.strictSame({ ...ownHeaders(letter) }, { 'millrace-replayed': '99' })
})
