/** A batch that waits publishes what was given at its call, whatever waits beside it, and what waits is bounded. */
import t from 'tap'
import { SMALL } from '../proof/fixtures/broker.fixture.ts'
import { newTopic } from '../proof/fixtures/shared-broker.fixture.ts'
import { WaitingRoom } from './waiting-room.ts'

const BYTES = { ...SMALL, codec: 'bytes', groups: ['g'] } as const

t.test('a batch that waits is not changed by its caller', async t => {
  const topic = await newTopic<Uint8Array>(BYTES)
  const messages = Array.from({ length: 200 }, (_, n) => ({
    key: Buffer.from('key'),
    value: Buffer.alloc(1_000, n),
    headers: { h: Buffer.from('hh') } as Record<string, string | Uint8Array>,
  }))
  const published = topic.publishBatch(messages)
  for (const message of messages) {
    message.value.fill(255)
    message.key.fill(120)
    ;(message.headers.h as Uint8Array).fill(120)
    message.headers = {}
  }
  let count = 0
  for await (const { offset, value, key, headers } of topic.group('g').consume()) {
    if (value[0] !== offset || value[999] !== offset || key !== 'key') t.fail(`record ${offset} was changed`)
    t.equal(Buffer.from(headers.h as Uint8Array).toString(), 'hh')
    if (++count === messages.length) break
  }
  t.match(await published, { count: 200 })
})

t.test('batches that wait one after the other, in the same memory, publish what each was given', async t => {
  const topic = await newTopic<Uint8Array>(BYTES)
  const batches = 12
  const records = 150
  const publishing = (async () => {
    const waiting: Promise<unknown>[] = []
    for (let n = 0; n < batches; n++) {
      waiting.push(topic.publishBatch(Array.from({ length: records }, () => ({ value: Buffer.alloc(1_000, n) }))))
      if (waiting.length === 4) await waiting.shift()
    }
    await Promise.all(waiting)
  })()
  const wrong: number[] = []
  for await (const { offset, value } of topic.group('g').consume()) {
    if (value.some(byte => byte !== Math.floor(offset / records))) wrong.push(offset)
    if (offset === batches * records - 1) break
  }
  t.strictSame(wrong, [])
  await publishing
})

t.test('batches that wait are bounded by their bytes, but a large one may wait alone', async t => {
  const room = new WaitingRoom()
  t.teardown(() => room.close())
  const mib = 1_024 * 1_024
  t.ok(room.admitBatch(100 * mib))
  t.notOk(room.admitBatch(1))
  room.leaveBatch(100 * mib)
  t.ok(room.admitBatch(64 * mib))
  t.notOk(room.admitBatch(1))
  t.equal(room.waiting, 1)
  const free = room.pieces.take()
  room.pieces.give(free)
  room.leaveBatch(64 * mib)
  t.not(room.pieces.take(), free, 'free memory is let go with the last that waits')
})
