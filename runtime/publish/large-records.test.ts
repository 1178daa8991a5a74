/** Records that are larger than what may wait in all: one at a time is let in. */
import t from 'tap'
import { openBroker, rejection } from '../proof/fixtures/broker.fixture.ts'
import { WaitingRoom } from './waiting-room.ts'

const MIB = 1_024 * 1_024

t.test('a record over 16 MiB is published to an empty topic', async t => {
  const broker = await openBroker(t)
  const options = { codec: 'bytes', maxMessageBytes: 24 * MIB } as const
  const topic = await broker.topic<Uint8Array>('large', options)
  const value = new Uint8Array(17 * MIB).fill(3)
  t.match(await topic.publish({ value }), { offset: 0 })
  t.match(await rejection(topic.publish({ value: new Uint8Array(24 * MIB + 1) })), { code: 'MILL_TOO_LARGE' })
})

t.test('a topic that takes less because its window is small says so, and another is given more', async t => {
  const broker = await openBroker(t, { memoryMaxBytes: 4 * MIB })
  const value = 'x'.repeat(40_000)
  const narrow = await broker.topic<string>('narrow', { codec: 'string', partitions: 8 })
  t.match(await rejection(narrow.publish({ value })), {
    code: 'MILL_TOO_LARGE',
    message: /maxMessageBytes, which is 32768; give more .* a topic takes half of its window/,
  })
  const given = await broker.topic<string>('given', { codec: 'string', partitions: 8, maxMessageBytes: 40_000 })
  t.match(await given.publish({ value }), { offset: 0 })
})

t.test('the waiting room lets one larger record in, and nothing beside it that has bytes', async t => {
  const room = new WaitingRoom()
  t.equal(room.admit(63 * MIB), true)
  t.equal(room.admit(17 * MIB), false)
  t.equal(room.admit(1), false)
  room.leave(63 * MIB)
  t.equal(room.admit(1), true)
  t.equal(room.admit(16 * MIB), false)
  t.equal(room.admit(16 * MIB - 1), true)
})
