/** Waits that are to take as long as they take: `Infinity`, and the longest that a timer can be told. */
import t from 'tap'
import { createBroker, defineHandler } from '../../index.ts'
import { fillUp } from '../../publish/full-topic.fixture.ts'
import { delay, rejection, SMALL } from '../fixtures/broker.fixture.ts'

for (const timeoutMs of [Number.POSITIVE_INFINITY, 2 ** 31 - 1, 2 ** 31 - 1_000]) {
  t.test(`everything may wait for ${timeoutMs} ms, and no timer overflows`, async t => {
    const heard: string[] = []
    const hear = ({ name, message }: Error): void => void heard.push(`${name} ${message}`)
    process.on('warning', hear)
    t.teardown(() => process.off('warning', hear))
    const finite = Math.min(timeoutMs, 2 ** 31 - 1)
    const broker = await createBroker({ logger: false, restart: { periodMs: finite } })
    const topic = await broker.topic<number>('t')
    const settled: number[] = []
    const options = { handlerTimeoutMs: timeoutMs, backoff: { initialMs: finite, maxMs: finite, jitter: 0 } } as const
    const one = await topic.group('one').handle(async ({ value }) => {
      await delay(1)
      settled.push(value)
    }, options)
    const many = await topic.group('many').handle(() => delay(1), { ...options, concurrency: 4 })
    const failing = await topic.group('failing').handle(() => {
      throw new Error('not before a long time')
    }, options)
    const batch = defineHandler({ batch: () => delay(1) })
    const batches = await topic.group('batches').handle(batch, options)
    const observed = topic
      .group('observed')
      .observe({ backoff: options.backoff })
      .subscribe(each => each.nack())
    await topic.publish({ value: 1 }, { timeoutMs })
    await topic.publishBatch([{ value: 2 }], { timeoutMs })
    await Promise.all([one.idle(), many.idle(), batches.idle()])
    t.strictSame(settled, [1, 2])
    for (const run of [one, many, batches, failing]) await run.stop({ timeoutMs })
    observed.unsubscribe()
    const full = await broker.topic<string>('full', { ...SMALL, groups: ['never'] })
    await fillUp(full)
    const abort = new AbortController()
    const waiting = rejection(full.publish({ value: 'x'.repeat(1_000) }, { timeoutMs, signal: abort.signal }))
    t.equal(await Promise.race([waiting, delay(600)]), undefined, 'it waits, however often it is looked at')
    abort.abort()
    t.match(await waiting, { code: 'MILL_ABORTED' })
    await full.group('never').delete()
    await full.flush()
    await broker.close({ timeoutMs })
    t.strictSame(heard, [])
  })
}

t.test('a bad option of what is awaited rejects, and never throws', async t => {
  const broker = await createBroker({ logger: false })
  const topic = await broker.topic<number>('t')
  const run = await topic.group('g').handle((_, context) => {
    const published = context.publish(undefined as unknown as string, { value: 1 })
    published.catch(() => undefined)
  })
  const bad = { nonsense: 1 } as object
  const letters = broker.deadLetters(topic)
  const calls: { readonly [name: string]: () => Promise<unknown> } = {
    close: () => broker.close(bad),
    stop: () => run.stop(bad),
    publish: () => topic.publish({ value: 1 }, bad),
    publishBatch: () => topic.publishBatch([{ value: 1 }], bad),
    topic: () => broker.topic('u', bad),
    producer: () => broker.producer(undefined as unknown as string, undefined as unknown as string),
    run: () => topic.group('h').run(bad as { handler: string }),
    handle: () => topic.group('h').handle(() => undefined, bad),
    seek: () => topic.group('g').seek('earliest', bad),
    replay: () => letters.replay({}, bad),
    purge: () => letters.purge(bad),
    count: () => letters.count(bad),
    exportTo: () => letters.exportTo(undefined as unknown as NodeJS.WritableStream as never),
    next: () => topic.replay(bad).next(),
  }
  for (const [name, call] of Object.entries(calls)) {
    let promise: Promise<unknown> | undefined
    t.doesNotThrow(() => {
      promise = call()
    }, name)
    t.match(await rejection(promise ?? Promise.resolve()), { code: /^MILL_/ }, name)
  }
  t.equal(broker.closed, false)
  await topic.publish({ value: 1 })
  await delay(50)
  t.match(await run.stats(), { failures: 1 }, 'a publish to nowhere is a rejection that fails its record')
  await broker.close()
})
