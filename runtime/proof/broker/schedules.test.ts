/** Schedules of whole brokers: what is sent where, what the next process goes on with, and how one ends. */
import t from 'tap'
import type { Broker, BrokerEvents, Delivery, Queue } from '../../index.ts'
import { delay, folderOf, openBroker, readAll, rejection, until } from '../fixtures/broker.fixture.ts'

const EVERY_MS = 40

/** Ticks of the messages in a queue, taken out. */
async function ticksIn(queue: Queue, schedule?: string): Promise<string[]> {
  const ticks: string[] = []
  const run = await queue.handle(({ headers }) => {
    if (schedule === undefined || headers['millrace-schedule'] === schedule) ticks.push(`${headers['millrace-tick']}`)
  })
  await run.idle()
  await run.stop()
  return ticks
}

function unsentOf(broker: Broker): BrokerEvents['ticksUnsent'][] {
  const unsent: BrokerEvents['ticksUnsent'][] = []
  broker.on('ticksUnsent', event => unsent.push(event))
  return unsent
}

/** Whether each tick is a whole number of intervals behind the first. */
function areInStep(ticks: readonly string[]): boolean {
  const first = Date.parse(ticks[0] as string)
  return ticks.every(tick => (Date.parse(tick) - first) % EVERY_MS === 0)
}

t.test('each tick sends the message, with its schedule and its tick, to a queue or a topic', async t => {
  const broker = await openBroker(t)
  const queue = await broker.queue('jobs', { priorities: 2 })
  const topic = await broker.topic<{ text: string }>('log', { partitions: 3, groups: ['reader'] })
  const value = { text: 'a' }
  const jobs = await broker.schedule('jobs', { everyMs: EVERY_MS }, queue, { value: null, key: 'k', priority: 1 })
  const log = await broker.schedule('log', { everyMs: EVERY_MS }, topic, { value, headers: { own: 'h' } })
  value.text = 'b'
  t.strictSame(broker.schedules(), [jobs, log])
  t.match([jobs.name, jobs.target, jobs.paused], ['jobs', 'jobs', false])
  const next = jobs.next(3).map(Number)
  t.strictSame(next, [next[0], Number(next[0]) + EVERY_MS, Number(next[0]) + 2 * EVERY_MS])
  await until(async () => jobs.stats().sent >= 3 && log.stats().sent >= 3)
  await jobs.pause()
  await log.remove()
  const seen: unknown[] = []
  const run = await queue.handle(({ value, key, priority, headers }) => void seen.push([value, key, priority, headers]))
  await run.idle()
  t.match(seen[0], [null, 'k', 1, { 'millrace-schedule': 'jobs' }])
  const ticks = seen.map(each => `${(each as [unknown, unknown, unknown, Delivery['headers']])[3]['millrace-tick']}`)
  t.ok(areInStep([new Date(next[0] as number).toISOString(), ...ticks]))
  const records = await readAll(topic)
  t.match(records[0], { value: { text: 'a' }, key: null, headers: { own: 'h', 'millrace-schedule': 'log' } })
  t.equal(new Set(records.map(({ partition }) => partition)).size, 1, 'all in one partition')
  t.ok(areInStep(records.map(({ headers }) => `${headers['millrace-tick']}`)))
})

t.test('in the next process a schedule goes on in step, once its target is open, and sends no tick again', async t => {
  const folder = folderOf(t)
  const first = await folder.open()
  const before = await first.queue('jobs')
  await first.schedule('jobs', { everyMs: EVERY_MS, missed: 'all' }, before, { value: 1 })
  await until(async () => (await before.stats()).ready >= 3)
  await first.close()
  const broker = await folder.open()
  const [waiting] = broker.schedules()
  t.match([waiting?.name, waiting?.target, waiting?.next().length], ['jobs', 'jobs', 1])
  await delay(3 * EVERY_MS)
  t.equal(waiting?.stats().sent, 0)
  const queue = await broker.queue('jobs', { attempts: 9 })
  await until(async () => (waiting?.stats().sent ?? 0) >= 4)
  await waiting?.remove()
  t.strictSame(broker.schedules(), [])
  const ticks = await ticksIn(queue)
  t.equal(new Set(ticks).size, ticks.length)
  t.ok(areInStep(ticks))
  t.equal(
    Date.parse(ticks.at(-1) as string) - Date.parse(ticks[0] as string),
    (ticks.length - 1) * EVERY_MS,
    'none is left out',
  )
  await broker.close()
  t.strictSame((await folder.open()).schedules(), [], 'it stays removed')
})

t.test('made again it is the same, and goes on in step; another rhythm begins anew', async t => {
  const folder = folderOf(t)
  const broker = await folder.open()
  const queue = await broker.queue('jobs')
  const hour = { everyMs: 3_600_000 }
  const made = await broker.schedule('s', hour, queue, { value: 1 })
  const [next] = made.next()
  await delay(5)
  t.equal(await broker.schedule('s', hour, 'jobs', { value: 1 }), made)
  t.strictSame(made.next(), [next])
  t.equal(await broker.schedule('s', { ...hour, missed: 'skip' }, queue, { value: 2 }), made, 'another message')
  t.strictSame(made.next(), [next])
  await broker.schedule('s', { everyMs: 3_600_001 }, queue, { value: 2 })
  t.not(Number(made.next()[0]), Number(next))
  await made.pause()
  await broker.schedule('s', { cron: '0 0 1 1 *', timeZone: 'Europe/Berlin' }, queue, { value: 2 })
  t.ok(made.paused)
  await broker.close()
  const later = await folder.open()
  const [kept] = later.schedules()
  t.ok(kept?.paused)
  await later.queue('jobs')
  await kept?.resume()
  t.match(kept?.next()[0]?.toISOString(), /-12-31T23:00:00/)
})

t.test('paused it sends nothing, and resumed it has missed nothing', async t => {
  const broker = await openBroker(t)
  const unsent = unsentOf(broker)
  const queue = await broker.queue('jobs')
  const made = await broker.schedule('s', { everyMs: EVERY_MS, missed: 'all' }, queue, { value: 1 })
  await until(async () => made.stats().sent > 0)
  await made.pause()
  await until(async () => (await queue.stats()).ready === made.stats().sent)
  const { sent } = made.stats()
  t.strictSame(made.next(), [])
  await delay(4 * EVERY_MS)
  t.equal((await queue.stats()).ready, sent)
  await made.resume()
  await until(async () => made.stats().sent > sent)
  t.strictSame(unsent, [])
  await made.remove()
  await made.remove()
  t.equal((await rejection(made.pause())).code, 'MILL_CLOSED')
  t.strictSame(made.next(), [])
})

t.test(
  'with overlap skip a tick is left out while the message before is not settled, also one of an earlier process',
  async t => {
    const folder = folderOf(t)
    const first = await folder.open()
    const before = await first.queue('jobs')
    const made = await first.schedule('s', { everyMs: EVERY_MS, overlap: 'skip' }, before, { value: 1 })
    await until(async () => made.stats().overlapped >= 2)
    t.equal((await before.stats()).ready, 1)
    await first.close()
    const broker = await folder.open()
    const unsent = unsentOf(broker)
    const queue = await broker.queue('jobs')
    const [kept] = broker.schedules()
    await until(async () => (kept?.stats().overlapped ?? 0) >= 2)
    t.equal((await queue.stats()).ready, 1)
    t.ok(unsent.some(({ reason, schedule, error }) => reason === 'overlap' && schedule === 's' && error === null))
    for await (const delivery of queue.consume({ prefetch: 1 })) {
      delivery.ack()
      break
    }
    await until(async () => (kept?.stats().sent ?? 0) === 1)
    t.equal((await queue.stats()).ready, 1)
  },
)

t.test('a tick waits for room in its target, or is told as refused', async t => {
  for (const onFull of ['wait', 'reject'] as const) {
    const folder = folderOf(t)
    const broker = await folder.open()
    const unsent = unsentOf(broker)
    const queue = await broker.queue('jobs', { maxMessages: 2, onFull })
    const made = await broker.schedule('s', { everyMs: EVERY_MS, missed: 'skip' }, queue, { value: 1 })
    const other = await broker.schedule('other', { everyMs: 3_600_000 }, queue, { value: 1 })
    await until(async () => made.stats().sent === 2)
    if (onFull === 'reject') await until(async () => made.stats().refused >= 2)
    else await delay(5 * EVERY_MS)
    t.match([made.stats().sent, (await queue.stats()).ready], [2, 2], onFull)
    t.match(
      unsent.filter(({ reason }) => reason === 'refused')[0]?.error ?? null,
      onFull === 'wait' ? null : { code: 'MILL_FULL' },
    )
    // A schedule whose message waits can be paused and resumed.
    await made.pause()
    await made.resume()
    await other.remove()
    const ticks = await ticksIn(queue)
    await until(async () => made.stats().sent >= 4)
    await made.remove()
    const rest = await ticksIn(queue)
    t.equal(new Set([...ticks, ...rest]).size, ticks.length + rest.length, 'each once')
  }
})

t.test('a broker that closes leaves a tick that waits for room to the next process', async t => {
  const folder = folderOf(t)
  const first = await folder.open()
  const before = await first.queue('jobs', { maxMessages: 1 })
  const made = await first.schedule('s', { everyMs: 100, missed: 'skip' }, before, { value: 1 })
  await until(async () => made.stats().sent === 1)
  await delay(150)
  await first.close()
  const broker = await folder.open()
  const queue = await broker.queue('jobs')
  const ticks = await ticksIn(queue)
  await until(async () => (await queue.stats()).ready > 0)
  await broker.schedules()[0]?.remove()
  ticks.push(...(await ticksIn(queue)))
  t.equal(Date.parse(ticks[1] as string) - Date.parse(ticks[0] as string), 100, 'the tick that waited')
  t.equal(new Set(ticks).size, ticks.length)
})

t.test('a schedule ends with its target, and says so', async t => {
  const folder = folderOf(t)
  const broker = await folder.open()
  const failed: BrokerEvents['scheduleFailed'][] = []
  broker.on('scheduleFailed', event => failed.push(event))
  const topic = await broker.topic('log')
  const queue = await broker.queue('jobs')
  await broker.schedule('log', { everyMs: EVERY_MS }, topic, { value: 1 })
  const jobs = await broker.schedule('jobs', { everyMs: EVERY_MS }, queue, { value: 1 })
  await until(async () => jobs.stats().sent > 0)
  await topic.delete()
  await queue.delete()
  t.match(failed, [
    { schedule: 'log', retries: false, error: { code: 'MILL_TOPIC_DELETED', message: /^topic log was deleted/ } },
    { schedule: 'jobs', retries: false, error: { code: 'MILL_TOPIC_DELETED', message: /^queue jobs was deleted/ } },
  ])
  await until(async () => broker.schedules().length === 0)
  t.equal((await rejection(broker.schedule('s', { everyMs: 1 }, queue, { value: 1 }))).code, 'MILL_TOPIC_DELETED')
  await broker.close()
  t.strictSame((await folder.open()).schedules(), [])
})

t.test('through an exchange each tick goes to all that is bound, once, also in the next process', async t => {
  const folder = folderOf(t)
  const first = await folder.open()
  const unsent = unsentOf(first)
  const events = await first.exchange<number>('events', { type: 'topic' })
  const made = await first.schedule('s', { everyMs: EVERY_MS, missed: 'all' }, events, {
    value: 7,
    routingKey: 'a.b',
    priority: 1,
    ttlMs: 60_000,
  })
  await until(async () => made.stats().refused > 0)
  t.match(unsent[0], {
    reason: 'refused',
    error: { code: 'MILL_UNROUTABLE', message: /^exchange events has no binding/ },
  })
  const [jobs, urgent] = [await first.queue('jobs'), await first.queue('urgent', { priorities: 2 })]
  const log = await first.topic('log', { partitions: 2 })
  for (const target of [jobs, urgent, log]) await events.bind(target, 'a.*')
  await until(async () => made.stats().sent >= 3)
  await first.close()

  const broker = await folder.open()
  const [kept] = broker.schedules()
  await broker.queue('jobs')
  await delay(2 * EVERY_MS)
  t.equal(kept?.stats().sent, 0, 'it waits for its exchange')
  const again = await broker.exchange<number>('events')
  await until(async () => (kept?.stats().sent ?? 0) >= 3)
  await kept?.pause()
  const [ticks, others] = [await ticksIn(await broker.queue('jobs')), await ticksIn(await broker.queue('urgent'))]
  const records = await readAll(await broker.topic('log'))
  t.strictSame(others, ticks)
  t.strictSame(
    records.map(({ headers }) => headers['millrace-tick']),
    ticks,
  )
  t.match(records[0], { value: 7, headers: { 'millrace-routing-key': 'a.b' } })
  t.equal(Date.parse(ticks.at(-1) as string) - Date.parse(ticks[0] as string), (ticks.length - 1) * EVERY_MS)
  await again.delete()
  await until(async () => broker.schedules().length === 0)
})

t.test('what is kept of one schedule goes before what others send to its target', async t => {
  const folder = folderOf(t)
  const first = await folder.open()
  const full = await first.queue('jobs', { maxMessages: 1 })
  await full.send({ value: 0 })
  const events = await first.exchange('events', { type: 'fanout' })
  await events.bind(full)
  const when = { everyMs: EVERY_MS, missed: 'all' } as const
  const [tick] = (await first.schedule('routed', when, events, { value: 1 })).next()
  await delay(4 * EVERY_MS)
  await first.schedule('direct', when, full, { value: 2 })
  await delay(4 * EVERY_MS)
  await first.close()
  const broker = await folder.open()
  const queue = await broker.queue('jobs', { maxMessages: 10_000 })
  const [direct, routed] = broker.schedules()
  await until(async () => (direct?.stats().sent ?? 0) >= 2)
  await broker.exchange('events')
  await until(async () => (routed?.stats().sent ?? 0) >= 2)
  for (const schedule of broker.schedules()) await schedule.remove()
  const ticks = await ticksIn(queue, 'routed')
  t.equal(ticks[0], tick?.toISOString())
  t.equal(new Set(ticks).size, ticks.length)
})

t.test('into a topic in memory of a broker with a folder a schedule goes on in the next process as well', async t => {
  const folder = folderOf(t)
  const options = { durability: 'memory', groups: ['reader'] } as const
  const first = await folder.open()
  const made = await first.schedule('s', { everyMs: EVERY_MS }, await first.topic('log', options), { value: 1 })
  await until(async () => made.stats().sent > 0)
  await first.close()
  const broker = await folder.open()
  await broker.topic('log', options)
  const [kept] = broker.schedules()
  await until(async () => (kept?.stats().sent ?? 0) > 0)
})

t.test('wrong input is refused with what to do, and changes nothing', async t => {
  const broker = await openBroker(t)
  const other = await openBroker(t)
  const queue = await broker.queue('jobs')
  const topic = await broker.topic('log', { partitions: 2 })
  const events = await broker.exchange('events', { type: 'fanout' })
  await other.queue('jobs')
  const foreign = await other.queue('elsewhere')
  const hour = { everyMs: 3_600_000 }
  const wrong: readonly (readonly [name: unknown, when: unknown, target: unknown, message: unknown, why: RegExp])[] = [
    ['a/b', hour, queue, { value: 1 }, /MILL_INVALID_NAME schedule name/],
    ['s', undefined, queue, { value: 1 }, /MILL_INVALID_OPTION a schedule needs `cron`/],
    ['s', {}, queue, { value: 1 }, /MILL_INVALID_OPTION a schedule needs `cron`.* or `everyMs`/],
    ['s', 5_000, queue, { value: 1 }, /MILL_INVALID_OPTION schedule options must be an object/],
    ['s', { cron: '* * * * *', ...hour }, queue, { value: 1 }, /MILL_INVALID_OPTION .* not both: make two schedules/],
    [
      's',
      { cron: '* * 32 * *' },
      queue,
      { value: 1 },
      /MILL_INVALID_OPTION `cron` must be .* its day of the month cannot be "32"/,
    ],
    ['s', { cron: 7 }, queue, { value: 1 }, /MILL_INVALID_OPTION `cron` must be a pattern/],
    [
      's',
      { cron: '* * * * *', timeZone: 'Berlin' },
      queue,
      { value: 1 },
      /MILL_INVALID_OPTION `timeZone` must be an IANA name/,
    ],
    [
      's',
      { ...hour, timeZone: 'UTC' },
      queue,
      { value: 1 },
      /MILL_INVALID_OPTION `timeZone` is for `cron`.*leave it out/,
    ],
    ['s', { everyMs: 0 }, queue, { value: 1 }, /MILL_OUT_OF_RANGE `everyMs` must be an integer from 1/],
    ['s', { everyMs: 0.5 }, queue, { value: 1 }, /MILL_OUT_OF_RANGE `everyMs`/],
    ['s', { everyMs: Number.NaN }, queue, { value: 1 }, /MILL_OUT_OF_RANGE `everyMs`/],
    ['s', { every: 5 }, queue, { value: 1 }, /MILL_UNKNOWN_OPTION unknown option `every`: did you mean `everyMs`/],
    [
      's',
      { ...hour, missed: 'none' },
      queue,
      { value: 1 },
      /MILL_INVALID_OPTION `missed` must be 'skip' or 'once' or 'all'/,
    ],
    ['s', { ...hour, overlap: 'wait' }, queue, { value: 1 }, /MILL_INVALID_OPTION `overlap` must be 'send' or 'skip'/],
    ['s', { ...hour, overlap: 'skip' }, topic, { value: 1 }, /MILL_INVALID_OPTION `overlap: 'skip'` is for queues/],
    ['s', hour, 'nowhere', { value: 1 }, /MILL_INVALID_OPTION .* nowhere, which is not open: open it/],
    ['s', hour, undefined, { value: 1 }, /MILL_INVALID_NAME/],
    ['s', hour, foreign, { value: 1 }, /MILL_INVALID_OPTION queue elsewhere was opened by another broker/],
    ['s', hour, await other.queue('jobs'), { value: 1 }, /MILL_INVALID_OPTION queue jobs was opened by another broker/],
    ['s', hour, queue, undefined, /MILL_INVALID_OPTION a message is one object/],
    ['s', hour, queue, { value: 1, id: 'x' }, /MILL_INVALID_OPTION .* no `id`: .*leave it out/],
    ['s', hour, queue, { value: 1, deliverAt: new Date() }, /MILL_INVALID_OPTION .* no `deliverAt`: .*`delayMs`/],
    ['s', hour, queue, { value: 1, partition: 0 }, /MILL_UNKNOWN_OPTION a message to a queue has no field "partition"/],
    ['s', hour, queue, { value: 1, priority: 1 }, /MILL_OUT_OF_RANGE `priority` must be 0/],
    ['s', hour, queue, { value: 1n }, /MILL_UNSERIALISABLE/],
    ['s', hour, queue, { value: 'x'.repeat(70_000) }, /MILL_TOO_LARGE/],
    ['s', hour, topic, { value: 1, partition: 2 }, /MILL_OUT_OF_RANGE `partition` must be an integer from 0 to 1/],
    ['s', hour, topic, { value: 1, delayMs: 5 }, /MILL_UNKNOWN_OPTION/],
    ['s', hour, events, { value: 1, partition: 0 }, /MILL_INVALID_OPTION .* no `partition`/],
    ['s', hour, events, { value: 1, routingKey: 7 }, /MILL_INVALID_OPTION a routing key is a string/],
    ['s', hour, events, { value: 1, priorty: 7 }, /MILL_UNKNOWN_OPTION .*priority/],
    ['s', hour, events, { value: 'x'.repeat(70_000) }, /MILL_TOO_LARGE/],
    ['s', hour, topic, { value: 1, timestamp: 5 }, /MILL_INVALID_OPTION .* no `timestamp`/],
  ]
  for (const [name, when, target, message, why] of wrong) {
    const { code, message: text } = await rejection(
      broker.schedule(name as string, when as never, target as never, message as never),
    )
    t.match(`${code} ${text}`, why)
  }
  t.strictSame(broker.schedules(), [])
  const made = await broker.schedule('s', hour, queue, { value: 1 })
  for (const count of [0, 1.5, 1_001]) t.throws(() => made.next(count), { code: 'MILL_OUT_OF_RANGE' })
  await broker.close()
  t.equal((await rejection(made.resume())).code, 'MILL_CLOSED')
  t.equal((await rejection(broker.schedule('s', hour, queue, { value: 1 }))).code, 'MILL_CLOSED')
  t.throws(() => broker.schedules(), { code: 'MILL_CLOSED' })
})
