import fc from 'fast-check'
import t from 'tap'
import type { Headers } from '../words/message.ts'
import { dyingHeaders, ownHeaders, replayedCount } from './letter-headers.ts'

const added = { 'millrace-topic': 'orders', 'millrace-reason': 'failed' }
const PUBLISHED = { isReplayed: false, isLetter: false }
const LETTER = { isReplayed: false, isLetter: true }
const REPLAYED = { isReplayed: true, isLetter: false }

const WHAT = ['topic', 'partition', 'offset', 'group', 'reason', 'failed-attempts', 'first-failure', 'last-failure']
/** What every letter has, of a death in this topic. */
const deathIn = (topic: string): Headers =>
  Object.fromEntries([...WHAT, 'error-name', 'error-message'].map(name => [`millrace-${name}`, topic]))

t.test('what dies and comes back has the headers that it had', async () => {
  const name = fc.oneof(
    fc.string(),
    fc.constantFrom(
      'millrace-topic',
      'millrace-reason',
      'millrace-error-code',
      'millrace-x',
      'millrace-',
      'millrace-before-x',
      'millrace-before-topic',
      'millrace-before-before-topic',
      'millrace-replayed',
      '__proto__',
      'millrace',
    ),
  )
  fc.assert(
    fc.property(fc.dictionary(name, fc.string(), { noNullPrototype: false }), own => {
      const first = dyingHeaders(own, deathIn('orders'), PUBLISHED)
      const second = dyingHeaders(first, deathIn('orders.g.dlq'), LETTER)
      const same = (back: Headers, were: Headers): boolean =>
        JSON.stringify(Object.entries(back).sort()) === JSON.stringify(Object.entries(were).sort())
      return same(ownHeaders(first), own) && same(ownHeaders(second), first)
    }),
  )
})

t.test('nothing of an earlier death passes for the last one', async t => {
  const first = dyingHeaders({ mine: 'x' }, { ...added, 'millrace-error-code': 'E_OLD' }, PUBLISHED)
  const second = dyingHeaders(first, { 'millrace-topic': 'orders.g.dlq', 'millrace-reason': 'rejected' }, LETTER)
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

t.test(
  'a letter that somebody publishes again keeps what was added last, and does not grow with each round',
  async t => {
    let headers: Headers = { mine: 'x' }
    const rounds = Array.from({ length: 5 }, (_, n) => {
      headers = dyingHeaders(headers, { ...deathIn(`${n}`), 'millrace-error-stack': `${n}` }, PUBLISHED)
      return Object.entries(headers)
    })
    t.strictSame(
      rounds.map(({ length }) => length),
      [12, 23, 23, 23, 23],
    )
    t.match(headers, {
      mine: 'x',
      'millrace-topic': '4',
      'millrace-before-topic': '3',
      'millrace-before-error-stack': '3',
    })
  },
)

t.test('a letter that is replayed into its dead-letter topic, and dies there again, keeps both deaths', async t => {
  const first = { mine: 'x', ...deathIn('orders'), 'millrace-before-topic': 'of the publisher' }
  const again = dyingHeaders({ ...first, 'millrace-replayed': '1' }, deathIn('orders.g.dlq'), REPLAYED)
  t.strictSame({ ...ownHeaders(again) }, first)
})

t.test('the count of replays stays through deaths, and nonsense counts as none', async t => {
  const again = dyingHeaders({ 'millrace-replayed': '3' }, added, REPLAYED)
  t.equal(replayedCount(again), 3)
  t.notOk('millrace-replayed' in ownHeaders(again))
  for (const value of ['', '-1', '1.5', 'x', '9'.repeat(20), new Uint8Array([51])])
    t.equal(replayedCount({ 'millrace-replayed': value }), 0)
})

t.test('what a publisher calls a count of replays counts for nothing, and comes back as it was', async t => {
  const letter = dyingHeaders({ 'millrace-replayed': '99' }, added, PUBLISHED)
  t.equal(replayedCount(letter), 0)
  t.strictSame({ ...ownHeaders(letter) }, { 'millrace-replayed': '99' })
})
