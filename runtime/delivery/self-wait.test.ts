/** A handler that stops, closes or waits for what waits for it. */
import t from 'tap'
import type { Run, Topic } from '../index.ts'
import { delay, openBroker, rejection, until } from '../proof/fixtures/broker.fixture.ts'

async function publishThree(topic: Topic<number>): Promise<void> {
  await topic.publishBatch([1, 2, 3].map(value => ({ value })))
}

for (const options of [{}, { concurrency: 4 }] as const) {
  const how = 'concurrency' in options ? 'with concurrency' : 'one by one'
  t.test(`a handler may await the stop of its own run (${how}), and its record is settled`, async t => {
    const broker = await openBroker(t)
    const topic = await broker.topic<number>('t')
    let run: Run | undefined
    let report: unknown
    run = await topic.group('g').handle(async ({ value }) => {
      if (value === 2) report = await run?.stop()
    }, options)
    await publishThree(topic)
    await run.finished
    t.strictSame(report, { results: [] })
    t.match(await topic.group('g').stats(), { failures: 0 })
    t.ok((await topic.group('g').stats()).processed >= 2)
  })
}

t.test('a handler may await the close of its broker', async t => {
  const broker = await openBroker(t)
  const topic = await broker.topic<number>('t')
  let isAnswered = false
  await topic.group('g').handle(async () => {
    await broker.close({ timeoutMs: 60_000 })
    isAnswered = true
  })
  await publishThree(topic)
  await until(() => isAnswered)
  await broker.close()
  t.ok(broker.closed)
})

t.test('a handler that is over does not wait: its stop is answered when the run has stopped', async t => {
  const broker = await openBroker(t)
  const topic = await broker.topic<number>('t')
  let run: Run | undefined
  let isOver = false
  const results = new Promise(resolve => {
    void topic
      .group('g')
      .handle({
        message() {
          if (run !== undefined) run.stop().then(({ results: all }) => resolve([isOver, all]))
        },
        async stop() {
          await delay(50)
          isOver = true
          return 'stopped'
        },
      } as never)
      .then(started => {
        run = started
      })
  })
  await until(() => run !== undefined)
  await topic.publish({ value: 4 })
  t.strictSame(await results, [true, ['stopped']])
})

t.test('a handler that waits for its group to be idle is told that it waits for itself', async t => {
  const broker = await openBroker(t)
  const topic = await broker.topic<number>('t')
  let run: Run | undefined
  let error: Error | undefined
  run = await topic.group('g').handle(async ({ value }) => {
    if (value === 3) error = await rejection(run?.idle() as Promise<void>)
  })
  await publishThree(topic)
  await run.idle()
  t.match(error, { code: 'MILL_DEADLOCK' })
})

t.test('another run is waited for as always', async t => {
  const broker = await openBroker(t)
  const topic = await broker.topic<number>('t')
  const other = await topic.group('other').handle(() => delay(100))
  let isIdle = false
  const run = await topic.group('g').handle(async ({ value }) => {
    if (value !== 3) return
    await other.idle()
    isIdle = (await other.lag()) === 0
  })
  await publishThree(topic)
  await run.idle()
  t.ok(isIdle)
})
