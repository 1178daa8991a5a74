/**
 * What a group has given up, as far as its consumers know.
 */
import t from 'tap'
import type { HistoryEvent } from '../history/history.ts'
import { givenUp } from './given-up.ts'

const plan = { name: 'g', attempts: 2 }

function attempt(offset: number, failedAttempts: number, how: 'failed' | 'handled' | 'rejected'): HistoryEvent[] {
  const at = { group: 'g', consumer: 'c', topic: 'in', partition: 0, offset, deliveryAttempt: failedAttempts + 1 }
  return [
    { kind: 'delivered', ...at, id: `${offset}`, key: null, failedAttempts },
    { kind: 'settled', ...at, how, atMs: 100 + failedAttempts },
  ]
}

const died: HistoryEvent = { kind: 'died', how: 'killed', isWhole: false, atMs: 200 }

function count(events: readonly HistoryEvent[], { untilMs = 150, isStored = true } = {}): number {
  return givenUp(events, plan, untilMs, isStored)
}

t.test('a record is given up at its last failure, or when it was rejected', async t => {
  t.equal(count(attempt(0, 0, 'failed')), 0)
  t.equal(count([...attempt(0, 0, 'failed'), ...attempt(0, 1, 'failed')]), 1)
  t.equal(count([...attempt(0, 0, 'rejected'), ...attempt(1, 0, 'handled')]), 1)
})

t.test('what failed later than it was asked for does not count', async t => {
  t.equal(count([...attempt(0, 0, 'failed'), ...attempt(0, 1, 'failed')], { untilMs: 100 }), 0)
})

t.test('what is delivered again was not given up, nor is what a consumer had that was told to end', async t => {
  t.equal(count([...attempt(0, 0, 'rejected'), ...attempt(0, 0, 'handled')]), 0)
  t.equal(count([...attempt(0, 0, 'rejected'), { kind: 'ended', consumer: 'c' }]), 0)
})

t.test('a topic in memory ends with its process, and what was given up with it', async t => {
  const events = [...attempt(0, 0, 'rejected'), died]
  t.equal(count(events), 1)
  t.equal(count(events, { isStored: false }), 0)
  t.equal(count([...events, ...attempt(0, 0, 'rejected')], { isStored: false }), 1)
})
