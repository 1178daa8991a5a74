/** Many records in one entry of the handler's context: each is still handed out, charged and settled by itself. */
import { AsyncLocalStorage } from 'node:async_hooks'
import t from 'tap'
import type { ManualDelivery, Topic } from '../index.ts'
import { delay, until } from '../proof/fixtures/broker.fixture.ts'
import { newTopic, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'

async function numbers(count: number): Promise<Topic<number>> {
  const topic = await newTopic<number>()
  await topic.publishBatch(Array.from({ length: count }, (_, value) => ({ value })))
  return topic
}

t.test(
  'what a call leaves in its context is not seen by those behind it, however many left nothing before',
  async t => {
    const store = new AsyncLocalStorage<string>()
    const topic = await numbers(300)
    const seen: unknown[] = []
    const run = await store.run('registered', () =>
      topic.group('g').handle(({ value }) => {
        if (value >= 100) seen.push(store.getStore())
        if (value >= 99) store.enterWith(`record ${value}`)
      }),
    )
    await run.idle()
    t.strictSame(seen, Array(200).fill('registered'))
    await run.stop()
  },
)

t.test('a record that fails amid others is the one that is charged, and nothing behind it is lost', async t => {
  const topic = await numbers(200)
  const all: number[] = []
  const run = await topic.group('g').handle(
    ({ value }) => {
      all.push(value)
      if (value === 50) throw new Error('fifty')
      if (value === 60) return Promise.reject(new Error('sixty'))
      return value === 70 ? delay(1) : undefined
    },
    { attempts: 1 },
  )
  await until(() => all.length >= 200, 'what is behind the records that fail')
  await run.idle()
  t.strictSame(
    all,
    Array.from({ length: 200 }, (_, value) => value),
  )
  t.match(await run.stats(), { processed: 198, deadLettered: 2 })
  const dead: number[] = []
  for await (const { offset } of (await sharedBroker()).deadLetters(topic.name).browse()) dead.push(offset)
  t.strictSame(dead, [50, 60])
  await run.stop()
})

t.test('what was settled ahead is passed over', async t => {
  const topic = await numbers(8)
  const group = topic.group('g')
  const out: ManualDelivery<number>[] = []
  const subscription = group.observe({ window: 8 }).subscribe(delivery => void out.push(delivery))
  await until(() => out.length === 8)
  for (const value of [2, 3, 5]) out[value]?.ack()
  subscription.unsubscribe()
  const all: number[] = []
  const run = await group.handle(({ value }) => void all.push(value))
  await run.idle()
  t.strictSame(all, [0, 1, 4, 6, 7])
  await run.stop()
})
