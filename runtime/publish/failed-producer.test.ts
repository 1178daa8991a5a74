/** Named producers of which a publish fails while others are under way: no record is lost or doubled by that. Real threads and files. */
import t from 'tap'
import { sessions } from '../api/broker.ts'
import type { Session } from '../embedded/session.ts'
import type { Broker } from '../index.ts'
import { folderOf, readAll, rejection } from '../proof/fixtures/broker.fixture.ts'
import { FAULT_POINT } from '../wire/layout.ts'

/** One broker on disk for the tests in which nothing stands still. */
let opening: Promise<Broker> | undefined
function lively(): Promise<Broker> {
  opening ??= folderOf(t).open()
  return opening
}

/** The partition host stands still as soon as it has written something, from now on; `halted` says whether it did. */
async function halt(session: Session): Promise<{ readonly halted: Promise<boolean> }> {
  const halted = session.ask(control => control.haltPartitionHost(0, FAULT_POINT.segmentWritten), 'for ever')
  // Calls are answered in order: by now it is armed.
  await session.ask(control => control.census())
  return { halted }
}

t.test('what is published behind a record that cannot be is not appended before it', async t => {
  const broker = await lively()
  const topic = await broker.topic('orders-1')
  const loader = await broker.producer<unknown>('loader-1', topic)
  await loader.publish({ key: 'a', value: 0 })
  const outcomes = await Promise.allSettled([
    loader.publish({ key: 'a', value: 1 }),
    loader.publishBatch([
      { key: 'a', value: 2 },
      { key: 'a', value: 3n },
    ]),
    loader.publish({ key: 'a', value: 4 }),
  ])
  t.match(
    outcomes.slice(1).map(outcome => outcome.status),
    ['rejected', 'rejected'],
  )
  await loader.close()
  const again = await broker.producer<unknown>('loader-1', topic)
  t.ok(again.next <= 3, `it goes on at ${again.next}`)
  await again.publishBatch([0, 1, 2, 3, 4].slice(again.next).map(value => ({ key: 'a', value })))
  const read = await readAll(topic)
  t.strictSame(
    read.map(({ value }) => value),
    [0, 1, 2, 3, 4],
  )
})

t.test('what was on its way when it was closed is not published twice by the next of its name', async t => {
  const broker = await lively()
  const topic = await broker.topic('orders-2', { partitions: 2 })
  const loader = await broker.producer<unknown>('loader-2', topic)
  const messages = Array.from({ length: 2_000 }, (_, value) => ({ key: `${value % 5}`, value: `${value}`.padEnd(60) }))
  const under = messages.slice(0, -1).map(message => rejection(loader.publish(message)))
  const bad = rejection(loader.publish({ key: '0', value: 1n }))
  await bad
  await loader.close()
  const again = await broker.producer<unknown>('loader-2', topic)
  await again.publishBatch(messages.slice(again.next))
  void under
  const read = await readAll(topic)
  t.strictSame(read.map(({ value }) => value).sort(), messages.map(({ value }) => value).sort())
})

t.test('what its partition has not taken when it fails is known to the next of its name', async t => {
  const { open } = folderOf(t)
  const broker = await open()
  const topic = await broker.topic<string>('orders', { partitions: 1 })
  const session = sessions.get(broker) as Session
  // Each fortieth needs a larger ring.
  const source = (from: number, to: number): { key: string; value: string }[] =>
    Array.from({ length: to - from }, (_, at) => ({
      key: 'a',
      value: `${from + at}`.padEnd((from + at) % 40 === 39 ? 200_000 : 8),
    }))
  for (let next = 0; next < 160; next += 40) {
    const loader = await broker.producer<string>('loader', topic)
    t.equal(loader.next, next)
    const { halted } = await halt(session)
    const first = rejection(loader.publishBatch(source(next, next + 10), { timeoutMs: 100 }))
    t.ok(await halted)
    const rest = [10, 20, 39].map((from, at, all) =>
      rejection(loader.publishBatch(source(next + from, next + (all[at + 1] ?? 40)), { timeoutMs: 100 })),
    )
    t.match(await Promise.all([first, ...rest]), Array(4).fill({ code: 'MILL_UNPUBLISHED' }))
    await loader.close()
    const opening = broker.producer<string>('loader', topic)
    const killed = session.ask(control => control.killPartitionHost(0, 0))
    const again = await opening
    t.ok(await killed)
    t.equal(again.next, next)
    await again.publishBatch(source(next, next + 40))
    await again.close()
  }
  const read = await readAll<string>(topic)
  t.strictSame(
    read.map(({ value }) => Number(value)),
    Array.from({ length: 160 }, (_, at) => at),
  )
})

t.test('closing the broker does not wait for its records for longer than it was told', async t => {
  const { open } = folderOf(t)
  const broker = await open()
  const topic = await broker.topic('orders')
  const loader = await broker.producer<unknown>('loader', topic)
  const session = sessions.get(broker) as Session
  const { halted } = await halt(session)
  const published = loader.publish({ key: 'a', value: 1 }).catch((error: Error) => error)
  t.ok(await halted)
  t.match(await rejection(broker.close({ timeoutMs: 300 })), { code: 'MILL_TIMEOUT' })
  t.match(await published, { code: 'MILL_UNPUBLISHED' })
})

t.test('what is no message is refused, and costs no number', async t => {
  const broker = await lively()
  const loader = await broker.producer<unknown>('loader-3', await broker.topic('orders-3'))
  for (const message of [null, 1, { key: 5, value: 1 }])
    t.match(await rejection(loader.publish(message as never)), { code: 'MILL_INVALID_OPTION' })
  t.match(await rejection(loader.publishBatch(7 as never)), { code: 'MILL_INVALID_OPTION' })
  t.match(await loader.publishBatch([{ key: 'a', value: 1 }]), { first: 0 })
})
