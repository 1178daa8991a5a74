/** Settlements on their way: kept while the link is full, and while the group has no room for another record. */
import t from 'tap'
import { delay, until } from '../proof/fixtures/broker.fixture.ts'
import type { SentSettlement } from '../thread/thread-link.ts'
import { FAILURES_MAX } from '../wire/layout.ts'
import type { Assignment } from '../wire/places.ts'
import { SettlementQueue } from './settlement-queue.ts'

const ERROR = { name: 'Error', message: 'no', retriable: false }
const assignment = { cursor: 7, epoch: 3, place: { host: 0 }, known: [] } as unknown as Assignment

function queueOver(link: { full: boolean }): { readonly queue: SettlementQueue; readonly sent: string[] } {
  const sent: string[] = []
  const settle = (_host: number, { offset, how, deliveryAttempt: attempt }: SentSettlement): boolean => {
    if (!link.full) sent.push(`${String(offset)} ${String(how)} ${String(attempt)}`)
    return !link.full
  }
  return { queue: new SettlementQueue({ settle }, assignment), sent }
}

t.test('a full link is tried again, in order', async t => {
  const link = { full: true }
  const { queue, sent } = queueOver(link)
  queue.send(1, 'failed', 1, ERROR)
  queue.send(2, 'rejected', 1, ERROR)
  t.strictSame(sent, [])
  link.full = false
  await until(() => sent.length === 2)
  t.strictSame(sent, ['1 failed 1', '2 rejected 1'])
})

t.test('when the group keeps account of all it can, those that it knows go first', async t => {
  const { queue, sent } = queueOver({ full: false })
  for (let offset = 0; offset < FAILURES_MAX; offset++) queue.send(offset, 'failed', 1, ERROR)
  queue.send(900, 'failed', 1, ERROR)
  t.equal(sent.length, FAILURES_MAX)
  queue.send(5, 'failed', 2, ERROR)
  t.equal(sent.at(-1), '5 failed 2')
  queue.committed(0)
  t.equal(sent.length, FAILURES_MAX + 1, 'nothing is behind yet')
  queue.committed(1)
  t.equal(sent.at(-1), '900 failed 1')
})

t.test('nothing is sent once it is closed', async t => {
  const link = { full: true }
  const { queue, sent } = queueOver(link)
  queue.send(1, 'failed', 1, ERROR)
  queue.close()
  link.full = false
  await delay(20)
  t.strictSame(sent, [])
})
