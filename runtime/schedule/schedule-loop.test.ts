/** One schedule in virtual time: changes of local time, downtimes, restarts at its ticks, clocks that are set, and deaths at each step. */
import fc from 'fast-check'
import t from 'tap'
import { changesOf, oracleTicks } from './cron-oracle.fixture.ts'
import { ON_TIME_MS } from './schedule-plan.ts'
import type { ScheduleDefinition } from './schedule-record.ts'
import { scheduleOf, VirtualBroker } from './virtual-broker.fixture.ts'

const MISSED = ['skip', 'once', 'all'] as const
const ZONES = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'Africa/Casablanca']
const PATTERNS = ['30 2 * * *', '*/20 * * * *', '10,50 1-3 * * *']
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

function at(text: string): number {
  return Date.parse(text)
}

/** What `missed` says of the ticks in a time without a process, which ends at `upMs`. */
function sentAfter(missed: (typeof MISSED)[number], ticks: readonly number[], upMs: number): number[] {
  if (missed === 'all') return [...ticks]
  const last = ticks.at(-1)
  if (last === undefined || (missed === 'skip' && upMs - last > ON_TIME_MS)) return []
  return [last]
}

/** Lives through some ticks, with restarts at them; what was sent, and what `missed` says. */
async function liveThrough(
  definition: ScheduleDefinition,
  ticks: readonly number[],
  fromMs: number,
  toMs: number,
): Promise<readonly [sent: readonly number[], wanted: readonly number[]]> {
  const broker = new VirtualBroker(definition, fromMs - 1)
  const wanted: number[] = []
  let decidedMs = fromMs - 1
  const passed = (untilMs: number): number[] => {
    const found = ticks.filter(tick => tick > decidedMs && tick <= untilMs)
    decidedMs = untilMs
    return found
  }
  await broker.start()
  for (const [index, tick] of ticks.entries()) {
    // It ends a ms before the tick, with it, or a ms later, and begins again at once, later, or much later.
    const downMs = tick + ((index % 3) - 1)
    const upMs = downMs + ([0, 1, 2, ON_TIME_MS, ON_TIME_MS + 2, 1.5 * HOUR_MS][index % 6] as number)
    if (downMs < decidedMs || upMs >= toMs) continue
    await broker.run(downMs)
    broker.kill()
    wanted.push(...passed(downMs))
    await broker.run(upMs)
    wanted.push(...sentAfter(definition.rules.missed, passed(upMs), upMs))
    await broker.start()
  }
  await broker.run(toMs - 1)
  wanted.push(...passed(toMs - 1))
  return [broker.sent, wanted]
}

t.test('all changes of local time from 2026 to 2030 in five zones, with restarts at ticks and downtimes', async t => {
  let [changes, messages] = [0, 0]
  for (const zone of ZONES) {
    const found = changesOf(zone, at('2026-01-01T00:00Z'), at('2031-01-01T00:00Z'))
    for (const change of found.length > 0 ? found : [at('2026-03-29T01:00Z')]) {
      changes++
      const [from, to] = [change - 2 * HOUR_MS, change + 3 * HOUR_MS]
      for (const [index, pattern] of PATTERNS.entries()) {
        const missed = MISSED[(changes + index) % MISSED.length] as (typeof MISSED)[number]
        const ticks = oracleTicks(pattern, zone, from, to)
        const definition = scheduleOf({ cron: pattern, timeZone: zone }, missed)
        const [sent, wanted] = await liveThrough(definition, ticks, from, to)
        t.strictSame(sent, wanted, `${pattern} in ${zone} around ${new Date(change).toISOString()}, ${missed}`)
        messages += sent.length
      }
    }
  }
  t.ok(changes >= 20 && messages > 300, `${changes} changes, ${messages} messages`)
})

t.test('a clock that is set forward misses the ticks in between, within a minute', async t => {
  for (const missed of MISSED) {
    const broker = new VirtualBroker(scheduleOf({ everyMs: HOUR_MS, startMs: 0 }, missed), 0)
    await broker.start()
    await broker.run(1.5 * HOUR_MS)
    broker.set(4.5 * HOUR_MS)
    await broker.run(4.5 * HOUR_MS + MINUTE_MS)
    const between = { skip: [], once: [4], all: [2, 3, 4] }[missed]
    t.strictSame(
      broker.sent.map(tick => tick / HOUR_MS),
      [1, ...between],
      missed,
    )
    await broker.run(5 * HOUR_MS)
    t.equal(broker.sent.at(-1), 5 * HOUR_MS)
  }
})

// Source: https://github.com/rails/solid_queue/pull/615 (timers that came early enqueued a tick two or three times)
t.test('a timer that comes before its tick decides nothing, and the tick is sent once', async t => {
  const broker = new VirtualBroker(scheduleOf({ everyMs: 1_000, startMs: 0 }, 'all'), 0)
  broker.earlyMs = 3
  await broker.start()
  await broker.run(3_500)
  t.strictSame(broker.sent, [1_000, 2_000, 3_000])
  t.strictSame(broker.unsent, [])
})

t.test('a clock that is set back sends no tick twice: the schedule waits until it was there before', async t => {
  const broker = new VirtualBroker(scheduleOf({ everyMs: HOUR_MS, startMs: 0 }, 'all'), 0)
  await broker.start()
  await broker.run(3 * HOUR_MS)
  broker.set(HOUR_MS / 2)
  await broker.run(3.5 * HOUR_MS)
  t.equal(broker.sent.length, 3)
  await broker.run(4 * HOUR_MS)
  t.equal(broker.sent.length, 4)
  t.strictSame(broker.unsent, [])
})

t.test('a timer sleeps for a minute at most, and there is one', async t => {
  const broker = new VirtualBroker(scheduleOf({ everyMs: DAY_MS, startMs: 0 }), 0)
  await broker.start()
  t.equal(broker.timers, 1)
  broker.set(DAY_MS - 10)
  await broker.run(DAY_MS + MINUTE_MS)
  t.strictSame(broker.sent, [DAY_MS])
  t.equal(broker.timers, 1)
})

t.test('while a message waits for room nothing is decided; afterwards the ticks in between are missed', async t => {
  for (const missed of MISSED) {
    const broker = new VirtualBroker(scheduleOf({ everyMs: HOUR_MS, startMs: 0 }, missed), 0)
    broker.isStuck = true
    await broker.start()
    await broker.run(3.5 * HOUR_MS)
    broker.loop?.redefine(broker.loop.definition, broker.loop.progress)
    await broker.settle()
    t.strictSame(broker.kept.sending?.ticks, [HOUR_MS])
    // The next process sends it, and goes on.
    broker.kill()
    broker.isStuck = false
    await broker.start()
    const between = { skip: [], once: [3], all: [2, 3] }[missed]
    t.strictSame(
      broker.sent.map(tick => tick / HOUR_MS),
      [1, ...between],
      missed,
    )
  }
})

t.test('a message that its target refuses is told, and the next tick goes on', async t => {
  const broker = new VirtualBroker(scheduleOf({ everyMs: HOUR_MS, startMs: 0 }), 0)
  broker.isFull = true
  await broker.start()
  await broker.run(HOUR_MS)
  t.strictSame(broker.refused, [HOUR_MS])
  broker.isFull = false
  await broker.run(2 * HOUR_MS)
  t.strictSame(broker.sent, [2 * HOUR_MS])
})

t.test('a message without a target is told, and is not sent', async t => {
  const broker = new VirtualBroker(scheduleOf({ everyMs: HOUR_MS, startMs: 0 }), 0)
  broker.isUnbound = true
  await broker.start()
  await broker.run(HOUR_MS)
  broker.isUnbound = false
  await broker.run(2 * HOUR_MS)
  t.strictSame([broker.unwanted, broker.sent], [[HOUR_MS], [2 * HOUR_MS]])
})

t.test('what is kept is put in line before its schedule begins, once, and decides nothing', async t => {
  const broker = new VirtualBroker(scheduleOf({ everyMs: HOUR_MS, startMs: 0 }, 'all'), 0)
  broker.dies = 'kept'
  await broker.start()
  await broker.run(HOUR_MS)
  broker.nowMs = 3 * HOUR_MS
  await broker.start('resend')
  t.strictSame(broker.sent, [HOUR_MS])
  broker.loop?.begin()
  await broker.settle()
  t.strictSame(broker.sent, [HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS])
})

t.test('with overlap skip a tick is left out while the message before is not settled', async t => {
  const broker = new VirtualBroker(scheduleOf({ everyMs: HOUR_MS, startMs: 0 }, 'all', 'skip'), 0)
  await broker.start()
  await broker.run(HOUR_MS)
  broker.isOpen = true
  await broker.run(3 * HOUR_MS)
  t.strictSame(broker.sent, [HOUR_MS])
  t.strictSame(
    broker.unsent.map(({ reason, count }) => [reason, count]),
    [
      ['overlap', 1],
      ['overlap', 1],
    ],
  )
  broker.isOpen = false
  await broker.run(4 * HOUR_MS)
  t.strictSame(broker.sent, [HOUR_MS, 4 * HOUR_MS])
})

t.test('paused it has no next tick and no timer; resumed it has, and misses nothing', async t => {
  const broker = new VirtualBroker(scheduleOf({ everyMs: HOUR_MS, startMs: 0 }, 'all'), 0)
  await broker.start()
  t.strictSame(broker.loop?.next(2), [HOUR_MS, 2 * HOUR_MS])
  await broker.loop?.pause()
  t.strictSame([broker.loop?.next(2), broker.timers, broker.kept.paused], [[], 0, true])
  await broker.run(2.5 * HOUR_MS)
  broker.kill()
  await broker.start()
  t.equal(broker.timers, 0, 'also in the next process')
  await broker.loop?.resume()
  t.strictSame(broker.loop?.next(1), [3 * HOUR_MS])
  await broker.run(3 * HOUR_MS)
  t.strictSame([broker.sent, broker.unsent], [[3 * HOUR_MS], []])
})

t.test(
  'a pause sends what is due first; what is due behind a message that waits for room is told as missed',
  async t => {
    const broker = new VirtualBroker(scheduleOf({ everyMs: HOUR_MS, startMs: 0 }, 'all'), 0)
    await broker.start()
    broker.nowMs = HOUR_MS
    await broker.loop?.pause()
    await broker.settle()
    t.strictSame([broker.sent, broker.unsent, broker.kept.paused], [[HOUR_MS], [], true])
    await broker.loop?.resume()
    broker.isStuck = true
    await broker.run(4.5 * HOUR_MS)
    t.strictSame(broker.kept.sending?.ticks, [2 * HOUR_MS])
    await broker.loop?.pause()
    const missed = { reason: 'missed', firstMs: 3 * HOUR_MS, lastMs: 4 * HOUR_MS, count: 2 }
    t.strictSame(broker.unsent, [missed])
    await broker.run(5.5 * HOUR_MS)
    await broker.loop?.resume()
    broker.kill()
    broker.isStuck = false
    await broker.start()
    await broker.run(6 * HOUR_MS)
    t.strictSame([broker.sent, broker.unsent], [[HOUR_MS, 2 * HOUR_MS, 6 * HOUR_MS], [missed]])
  },
)

type Step =
  | { readonly kind: 'run' | 'set'; readonly ms: number }
  | { readonly kind: 'kill' }
  | { readonly kind: 'die'; readonly at: 'keep' | 'kept' | 'send' | 'sent' }

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('run' as const),
      ms: fc.oneof(fc.constantFrom(999, 1_000, 1_001, 59_000), fc.nat(5_000)),
    }),
    fc.record({ kind: fc.constant('set' as const), ms: fc.integer({ min: -4_000, max: 70_000 }) }),
    fc.record({ kind: fc.constant('kill' as const) }),
    fc.record({ kind: fc.constant('die' as const), at: fc.constantFrom('keep', 'kept', 'send', 'sent') }),
  ),
  { maxLength: 30 },
)

t.test('wherever its process dies, each tick is sent once at most, and with `all` once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...MISSED), steps, async (missed, played) => {
      const broker = new VirtualBroker(scheduleOf({ everyMs: 1_000, startMs: 0 }, missed), 0)
      let latest = 0
      for (const step of played) {
        if (!broker.isUp) await broker.start()
        if (step.kind === 'kill') broker.kill()
        else if (step.kind === 'die') broker.dies = step.at
        else if (step.kind === 'set') broker.set(Math.max(0, broker.nowMs + step.ms))
        else await broker.run(broker.nowMs + step.ms)
      }
      broker.dies = null
      broker.kill()
      await broker.start()
      // A step decides a bounded number of ticks.
      await broker.run(broker.nowMs + MINUTE_MS)
      latest = broker.kept.decidedMs
      const rising = broker.sent.every((tick, index) => index === 0 || tick > (broker.sent[index - 1] as number))
      const told = broker.unsent.flatMap(({ firstMs, lastMs }) =>
        broker.sent.filter(tick => tick >= firstMs && tick <= lastMs),
      )
      if (!rising || told.length > 0 || broker.failures.length > 0) return false
      return missed !== 'all' || broker.sent.join() === allTo(latest).join()
    }),
    { numRuns: 200 },
  )
})

function allTo(latestMs: number): number[] {
  return Array.from({ length: Math.floor(latestMs / 1_000) }, (_, index) => (index + 1) * 1_000)
}
