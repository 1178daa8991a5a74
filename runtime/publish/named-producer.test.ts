/** Producers that go on where they were, and publish nothing twice. Real threads and files. */
import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Broker, Topic } from '../index.ts'
import { folderOf, openBroker, readAll, rejection, until } from '../proof/fixtures/broker.fixture.ts'

function numbers(count: number, from = 0): { readonly key: string; readonly value: number }[] {
  return Array.from({ length: count }, (_, at) => ({ key: `key-${(from + at) % 7}`, value: from + at }))
}

async function orders(broker: Broker): Promise<Topic<number>> {
  return broker.topic<number>('orders', { partitions: 3 })
}

async function values(broker: Broker, group: string): Promise<number[]> {
  const read = await readAll(await orders(broker), group)
  return read.map(({ value }) => value).sort((a, b) => a - b)
}

t.test('it goes on where it was closed', async t => {
  const { open } = folderOf(t)
  let from = 0
  for (let turn = 0; turn < 3; turn++) {
    const broker = await open()
    const loader = await broker.producer<number>('loader', await orders(broker))
    t.equal(loader.next, from)
    t.match(await loader.publishBatch(numbers(100, from)), {
      count: 100,
      first: from,
      repeated: 0,
      durability: 'fsync',
    })
    t.match(await loader.publish({ key: 'one', value: from + 100 }), { durability: 'fsync' })
    from += 101
    if (turn === 1) await loader.close()
    if (turn === 2)
      t.strictSame(
        await values(broker, 'g'),
        Array.from({ length: 303 }, (_, value) => value),
      )
    await broker.close()
  }
})

for (const kept of [0, 400]) {
  t.test(`what is there already is not published twice, when the last known place was ${kept}`, async t => {
    const { dir, open } = folderOf(t)
    const first = await open()
    const topic = await orders(first)
    const loader = await first.producer<number>('loader', topic)
    const state = join(dir, 'producers')
    if (kept > 0) {
      await loader.publishBatch(numbers(kept))
      await until(() => readFileSync(state, 'latin1').includes(`"next":${kept}`), 'writing it down')
    }
    copyFileSync(state, `${state}.old`)
    for (let from = kept; from < 1_000; from += 50) await loader.publishBatch(numbers(50, from))
    // What others publish in between is none of it.
    await topic.publishBatch(numbers(10, 5_000))
    await first.close()
    copyFileSync(`${state}.old`, state)
    const second = await open()
    const again = await second.producer<number>('loader', await orders(second))
    t.equal(again.next, kept)
    t.match(await again.publishBatch(numbers(300, kept)), { count: 0, first: kept, repeated: 300 })
    t.equal(await again.publish(numbers(1, kept + 300)[0] as { key: string; value: number }), null)
    const rest = await again.publishBatch(numbers(999 - kept, kept + 301))
    t.match(rest, { count: 300, repeated: 699 - kept })
    t.equal(again.next, 1_300)
    t.strictSame(
      (await values(second, 'g')).filter(value => value < 5_000),
      Array.from({ length: 1_300 }, (_, value) => value),
    )
  })
}

t.test('there is one of a name, and its records can be found again', async t => {
  const { open } = folderOf(t)
  const broker = await open()
  const topic = await orders(broker)
  const loader = await broker.producer<number>('loader', topic)
  t.match(await rejection(broker.producer('loader', 'orders')), { code: 'MILL_LOCKED', message: /is open/ })
  t.match(await rejection(loader.publish({ value: 1 })), { code: 'MILL_INVALID_OPTION', message: /neither key/ })
  t.equal(loader.next, 0)
  t.match(await loader.publish({ partition: 2, value: 1 }), { partition: 2, offset: 0 })
  await loader.close()
  t.match(await rejection(loader.publish({ key: 'a', value: 1 })), { code: 'MILL_CLOSED' })
  t.equal((await broker.producer('loader', topic)).next, 1)
  t.match(await rejection(broker.producer('lo/ader', topic)), { code: 'MILL_INVALID_NAME' })
  t.match(await rejection(broker.producer('loader', 'nothing')), { code: 'MILL_INVALID_OPTION', message: /no topic/ })
  const memory = await openBroker(t)
  await memory.topic('orders')
  t.match(await rejection(memory.producer('loader', 'orders')), { code: 'MILL_INVALID_OPTION', message: /on disk/ })
})
