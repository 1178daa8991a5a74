import t, { type Test } from 'tap'
import type { ProducedTopic } from '../wire/produced-topic.ts'
import { MillraceError } from '../words/errors.ts'
import type { RouteReceipt } from '../words/exchange.ts'
import type { Receipt } from '../words/message.ts'
import { LonePublish } from './lone-publish.ts'
import { WaitingRoom } from './waiting-room.ts'

const WHERE = { partition: 0 }
const MESSAGE = { value: 1 }

function publishOf(t: Test, isRouted = false): LonePublish {
  const room = new WaitingRoom()
  t.teardown(() => room.close())
  const shape = { id: 7, name: 'jobs', partitions: 1, codec: 'json', maxMessageBytes: 1_000, durability: 'memory' }
  const topic = { ...shape, onFull: 'reject', queue: { onFull: 'reject' }, frameRecords: 1 } as unknown as ProducedTopic
  return new LonePublish(topic, room, WHERE.partition, isRouted, MESSAGE)
}

async function errorOf(publish: LonePublish): Promise<MillraceError & { readonly refused?: unknown }> {
  const [result] = await Promise.allSettled([publish.receipt])
  return (result as PromiseRejectedResult).reason
}

t.test('its receipt says where it is, once; what is said later is ignored', async t => {
  const publish = publishOf(t)
  t.notOk(publish.done)
  publish.appended(WHERE, 100, 0)
  t.ok(publish.done)
  publish.appended(WHERE, 200, 0)
  publish.refused()
  const { topic, partition, offset, durability } = (await publish.receipt) as Receipt
  t.strictSame([topic, partition, offset, durability], ['jobs', 0, 100, 'memory'])
})

t.test('that of an exchange has the receipt of an exchange', async t => {
  const publish = publishOf(t, true)
  publish.appended(WHERE, 100, 0)
  const { targets, receipts } = (await publish.receipt) as RouteReceipt
  t.strictSame(targets, ['jobs'])
  t.strictSame((receipts as readonly Receipt[])[0]?.position, '0:100')
})

t.test('one that is refused has its own message in its error, and a receipt after that is ignored', async t => {
  const publish = publishOf(t)
  publish.refused()
  publish.appended(WHERE, 100, 0)
  const { code, refused } = await errorOf(publish)
  t.strictSame([code, refused], ['MILL_FULL', MESSAGE])
})

t.test('it fails of a broken disk, or a minute after somebody looked at it first', async t => {
  const failed = publishOf(t)
  failed.failed(1, new MillraceError('MILL_CLOSED', 'gone'))
  t.equal((await errorOf(failed)).code, 'MILL_CLOSED')
  const late = publishOf(t)
  t.equal(late.deadline, late.roomSince + 60_000)
  late.expire('a hold')
  const { code, retriable, message } = await errorOf(late)
  t.strictSame([code, retriable], ['MILL_TIMEOUT', true])
  t.match(message, /a hold/)
})
