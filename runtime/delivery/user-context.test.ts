/** Functions of users run in the async context in which they were handed in, and leave nothing to the next call. */
import { AsyncLocalStorage } from 'node:async_hooks'
import t from 'tap'
import { createBroker, type HandleOptions, settle } from '../index.ts'
import { newTopic } from '../proof/fixtures/shared-broker.fixture.ts'

const store = new AsyncLocalStorage<string>()
const WAYS: readonly (readonly [string, HandleOptions])[] = [
  ['one record', {}],
  ['several in hand', { concurrency: 4 }],
]

for (const [way, options] of WAYS)
  t.test(`start, handler and stop run in the context of handle: ${way}`, async t => {
    const topic = await store.run('opener', () => newTopic<number>())
    await store.run('publisher', () => topic.publishBatch([1, 2, 3, 4].map(value => ({ value }))))
    const seen: unknown[] = []
    const look = (): void => {
      seen.push(store.getStore())
      store.enterWith('another record')
    }
    const run = await store.run('registered', () =>
      topic.group('g').handle({ start: look, message: look, stop: look }, options),
    )
    await run.idle()
    await store.run('stopper', () => run.stop())
    t.same(seen, Array(6).fill('registered'))
    t.equal(store.getStore(), undefined)
  })

t.test('a batch handler runs in the context of handle', async t => {
  const topic = await newTopic<number>()
  const seen: unknown[] = []
  const run = await store.run('registered', () =>
    topic.group('g').handle({ batch: () => void seen.push(store.getStore()) }),
  )
  await store.run('publisher', () => topic.publish({ value: 1 }))
  await run.idle()
  t.same(seen, ['registered'])
  await run.stop()
})

t.test('an observer and the function of settle run in the context of subscribe', async t => {
  const topic = await newTopic<number>()
  await topic.publishBatch([1, 2, 3, 4].map(value => ({ value })))
  const seen: unknown[] = []
  const look = (): void => {
    seen.push(store.getStore())
    store.enterWith('another record')
  }
  await new Promise<void>(resolve => {
    const observed = store.run('observe', () => topic.group('g').observe({ window: 4 }).pipe(settle(look)))
    let left = 4
    const subscription = store.run('subscriber', () =>
      observed.subscribe(() => {
        look()
        if (--left > 0) return
        subscription.unsubscribe()
        resolve()
      }),
    )
  })
  t.same(seen, Array(8).fill('subscriber'))
})

t.test('a loop over consume keeps its own context', async t => {
  const topic = await newTopic<number>()
  await store.run('publisher', () => topic.publishBatch([1, 2, 3].map(value => ({ value }))))
  const seen = await store.run('loop', async () => {
    const all: unknown[] = []
    for await (const { value } of topic.group('g').consume()) {
      all.push(store.getStore())
      if (value === 3) break
    }
    return all
  })
  t.same(seen, ['loop', 'loop', 'loop'])
})

t.test('a listener runs in the context of on', async t => {
  const broker = await createBroker({ logger: false })
  const topic = await broker.topic('t')
  const heard = new Promise(resolve =>
    store.run('listener', () => broker.on('deadLettered', () => resolve(store.getStore()))),
  )
  const run = await store.run('registered', () =>
    topic.group('g').handle(
      () => {
        throw new Error('no')
      },
      { attempts: 1 },
    ),
  )
  await topic.publish({ value: 1 })
  t.equal(await heard, 'listener')
  await run.stop()
  await broker.close()
})
