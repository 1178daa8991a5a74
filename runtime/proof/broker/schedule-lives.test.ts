/** Schedules over several processes: what the next one goes on with, and that no tick is sent twice. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { delay, folderOf, readAll, until } from '../fixtures/broker.fixture.ts'
import { areInStep, EVERY_MS, standsStill, ticksIn, unsentOf } from '../fixtures/schedules.fixture.ts'

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

t.test('a broker that closes leaves a tick that waits for room to the next process', async t => {
  const folder = folderOf(t)
  const first = await folder.open()
  const before = await first.queue('jobs', { maxMessages: 1 })
  const made = await first.schedule('s', { everyMs: 100, missed: 'skip' }, before, { value: 1 })
  await until(async () => made.stats().sent === 1)
  await delay(150)
  const closedMs = Date.now()
  await first.close()
  const broker = await folder.open()
  const queue = await broker.queue('jobs')
  const ticks = await ticksIn(queue)
  await until(async () => (await queue.stats()).ready > 0)
  await broker.schedules()[0]?.remove()
  ticks.push(...(await ticksIn(queue)))
  const [sentMs, waitedMs] = [Date.parse(ticks[0] as string), Date.parse(ticks[1] as string)]
  t.ok(waitedMs > sentMs && waitedMs <= closedMs, `the tick that waited: ${ticks[1]}`)
  // On a machine that stood still meanwhile some before it are missed.
  t.equal((waitedMs - sentMs) % 100, 0)
  t.equal(new Set(ticks).size, ticks.length)
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
  // A tick between two of the bindings goes to fewer targets.
  await made.pause()
  for (const target of [jobs, urgent, log]) await events.bind(target, 'a.*')
  await made.resume()
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
  await standsStill(kept)
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

t.test(
  'a tick whose message is settled and gone from the log is not sent again, though nothing else notes it',
  async t => {
    const folder = folderOf(t, { journalBytes: 1_048_576, queueSegmentBytes: 4_096 })
    const first = await folder.open()
    const before = await first.queue<number>('jobs', { deadLetter: false })
    const ticks: unknown[] = []
    const made = await first.schedule('s', { everyMs: 1_000, missed: 'skip' }, before, { value: 0 })
    const run = await before.handle(({ headers }) => {
      if (headers['millrace-tick'] !== undefined) ticks.push(headers['millrace-tick'])
    })
    await until(async () => made.stats().sent >= 1)
    const producers = join(folder.dir, 'producers')
    await until(() => statSync(producers).size > 100)
    const noted = readFileSync(producers)
    const { sent } = made.stats()
    await until(async () => made.stats().sent > sent)
    const segments = (): string[] =>
      readdirSync(join(folder.dir, 'topics'))
        .flatMap(name => readdirSync(join(folder.dir, 'topics', name)))
        .filter(name => name.endsWith('.log'))
    for (let round = 0; round < 20; round++)
      await before.sendBatch(Array.from({ length: 40 }, (_, value) => ({ value })))
    await run.idle()
    await until(() => segments().every(name => Number.parseInt(name, 10) > 100))
    await run.stop()
    await first.close()
    // As if the power had been lost before the last note of the sender was written.
    writeFileSync(producers, noted)
    const second = await folder.open()
    const again = await second.queue<number>('jobs')
    await until(async () => (second.schedules()[0]?.stats().sent ?? 0) >= 2)
    ticks.push(...(await ticksIn(again)))
    t.equal(new Set(ticks).size, ticks.length, ticks.join())
  },
)
