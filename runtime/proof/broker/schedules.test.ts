/** Schedules of whole brokers: what is sent where, what is refused, and how one ends. */
import t from 'tap'
import type { BrokerEvents, Delivery } from '../../index.ts'
import { delay, folderOf, openBroker, readAll, rejection, until } from '../fixtures/broker.fixture.ts'
import { areInStep, EVERY_MS, standsStill, ticksIn, unsentOf } from '../fixtures/schedules.fixture.ts'

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

t.test('paused it sends nothing, and resumed it has missed nothing', async t => {
  const broker = await openBroker(t)
  const unsent = unsentOf(broker)
  const queue = await broker.queue('jobs')
  const made = await broker.schedule('s', { everyMs: EVERY_MS, missed: 'all' }, queue, { value: 1 })
  await until(async () => made.stats().sent > 0)
  await made.pause()
  await standsStill(made)
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
    ['s', hour, undefined, { value: 1 }, /MILL_INVALID_OPTION .*not to undefined/],
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
