/** Pipelines of Node over groups and topics: what is acknowledged, and when. */
import { Readable, Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import t from 'tap'
import { acknowledging, attempt, type ManualDelivery, type Topic } from '../index.ts'
import { delay, rejection, SMALL, until } from '../proof/fixtures/broker.fixture.ts'
import { newTopic } from '../proof/fixtures/shared-broker.fixture.ts'

async function numbers(count: number): Promise<Topic<number>> {
  const topic = await newTopic<number>()
  await topic.publishBatch(Array.from({ length: count }, (_, value) => ({ value })))
  return topic
}

const same = (): Transform => new Transform({ objectMode: true, transform: (chunk, _, done) => done(null, chunk) })
const line = ({ value }: ManualDelivery<number>): string => `${value}\n`

t.test('a pipeline acknowledges what its sink has taken, and nothing else', async t => {
  const topic = await numbers(100)
  const group = topic.group('g')
  const written: string[] = []
  const calls: (() => void)[] = []
  const sink = new Writable({
    highWaterMark: 4,
    write(chunk, _, done) {
      calls.push(() => {
        written.push(String(chunk))
        done()
      })
    },
  })
  const piped = pipeline(group.stream(), same(), same(), acknowledging(sink, line)).catch((error: Error) => error)
  for (let taken = 0; taken < 5; taken++) {
    await until(() => calls.length > 0)
    await until(async () => 100 - (await group.lag()) === written.length, 'acknowledged is what was written')
    calls.shift()?.()
  }
  await until(async () => 100 - (await group.lag()) === 5)
  sink.destroy(new Error('disk full'))
  t.match(await piped, { message: 'disk full' })
  t.equal(await group.lag(), 95, 'what was on its way is not acknowledged')
  const again: number[] = []
  const run = await group.handle(({ value }) => void again.push(value as number))
  await until(() => again.length === 95, 'the stream has left the group')
  await run.stop()
  t.strictSame(
    again,
    Array.from({ length: 95 }, (_, n) => n + 5),
  )
})

t.test('a stream ends by its signal; what a function throws is a failed attempt', async t => {
  const topic = await numbers(20)
  const abort = new AbortController()
  const { signal } = abort
  const done: number[] = []
  const options = { signal, attempts: 2, backoff: { initialMs: 1 }, highWaterMark: 3 }
  const work = acknowledging<number>(async ({ value }) => {
    await delay(1)
    if (value === 7) throw new Error('never seven')
    done.push(value)
  })
  const piped = pipeline(topic.group('g').stream(options), work)
  await until(async () => (await topic.group('g').stats()).deadLettered === 1 && (await topic.group('g').lag()) === 0)
  abort.abort()
  await piped
  t.match(await topic.group('g').stats(), { processed: 19, failures: 2, deadLettered: 1 })
  t.equal(done.length, 19)
})

t.test('a chunk that cannot be made fails its record only, and none is needed', async t => {
  const topic = await numbers(10)
  const abort = new AbortController()
  const written: string[] = []
  const sink = new Writable({ write: (chunk, _, done) => done(void written.push(String(chunk)) as undefined) })
  const chunk = (delivery: ManualDelivery<number>): string | undefined => {
    if (delivery.value === 3) throw new Error('no text for three')
    return delivery.value % 2 === 0 ? undefined : line(delivery)
  }
  const stream = topic.group('g').stream({ signal: abort.signal, attempts: 1 })
  const piped = pipeline(stream, acknowledging(sink, chunk))
  await until(async () => (await topic.group('g').stats()).deadLettered === 1 && (await topic.group('g').lag()) === 0)
  abort.abort()
  await piped
  t.strictSame(written, ['1\n', '5\n', '7\n', '9\n'])
  t.match(await topic.group('g').stats(), { processed: 9, deadLettered: 1 })
  t.ok(sink.writableFinished)
})

t.test('a loop over consume counts what it attempts in vain', async t => {
  const topic = await numbers(3)
  const group = topic.group('g')
  const outcomes: boolean[] = []
  for await (const delivery of group.consume({ attempts: 3, backoff: { initialMs: 1, maxMs: 1 } })) {
    const isHandled = await attempt(delivery, ({ value }) => {
      if (value === 1) throw new Error('bad')
    })
    outcomes.push(isHandled)
    if (delivery.value === 2 || outcomes.length > 10) break
  }
  t.match(await group.stats(), { processed: 2, failures: 3, deadLettered: 1, lag: 0 })
  t.strictSame(outcomes, [true, false, false, false, true])
})

t.test('a topic is written to with back-pressure, and finishes with its last receipt', async t => {
  const topic = await newTopic<number>()
  const count = 5_000
  const source = Readable.from(Array.from({ length: count }, (_, value) => ({ key: `k${value % 7}`, value })))
  await pipeline(source, topic.writable({ highWaterMark: 16 }))
  t.equal((await topic.stats()).partitions[0]?.highWatermark, count)
  const full = await newTopic<string>({ ...SMALL, groups: ['never'] })
  const writable = full.writable({ highWaterMark: 4, timeoutMs: 60_000 })
  writable.on('error', () => undefined)
  let written = 0
  for (let stands = 0; stands < 3; ) {
    for (stands++; !writable.writableNeedDrain; stands = 0) {
      writable.write({ value: 'x'.repeat(1_000) })
      written++
    }
    await delay(50)
  }
  const { highWatermark } = (await full.stats()).partitions[0] as { highWatermark: number }
  t.ok(written > 0 && written < 400, `it took ${written}, of which ${highWatermark} are appended`)
  writable.destroy()
})

t.test('errors of a writable are typed, and have what was not published', async t => {
  const topic = await newTopic<unknown>()
  const writable = topic.writable()
  const error = await rejection(pipeline(Readable.from([{ value: 1 }, { value: 1n }]), writable))
  t.match(error, { code: 'MILL_UNPUBLISHED', cause: { code: 'MILL_UNSERIALISABLE' } })
  const full = await newTopic<string>({ ...SMALL, groups: ['never'] })
  const abort = new AbortController()
  const many = Readable.from(Array.from({ length: 500 }, () => ({ value: 'x'.repeat(1_000) })))
  const piped = rejection(pipeline(many, full.writable({ signal: abort.signal })))
  await until(async () => ((await full.stats()).partitions[0]?.highWatermark ?? 0) > 0, 'some are appended')
  abort.abort()
  t.match(await piped, { code: 'MILL_UNPUBLISHED' })
})

t.test('bad options and arguments are refused', async t => {
  const topic = await newTopic<number>()
  t.throws(() => topic.writable({ highWaterMark: 0 }), { code: 'MILL_OUT_OF_RANGE' })
  t.throws(() => topic.group('g').stream({ window: 1 } as object), { code: 'MILL_UNKNOWN_OPTION' })
  t.throws(() => topic.group('g').stream({ deadLetter: false }), { code: 'MILL_INVALID_OPTION' })
  t.throws(() => acknowledging({} as Writable), { code: 'MILL_INVALID_OPTION' })
  t.throws(() => acknowledging(new Writable()), { code: 'MILL_INVALID_OPTION' })
  t.throws(
    () =>
      acknowledging(
        () => undefined,
        () => undefined,
      ),
    { code: 'MILL_INVALID_OPTION' },
  )
})
