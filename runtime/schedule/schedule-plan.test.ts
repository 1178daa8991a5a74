import fc from 'fast-check'
import t from 'tap'
import { cronTicks } from './cron-ticks.ts'
import {
  COUNTED_MAX,
  ON_TIME_MS,
  pauseSchedule,
  resumeSchedule,
  type ScheduleRules,
  type ScheduleState,
  stepSchedule,
  TICKS_PER_STEP,
} from './schedule-plan.ts'
import { everyTicks } from './ticks.ts'

const HOUR_MS = 3_600_000
const HOURLY = everyTicks(0, HOUR_MS)
const NEW: ScheduleState = { decidedMs: 0, paused: false }
const MISSED = ['skip', 'once', 'all'] as const

function rules(missed: ScheduleRules['missed'], overlap: ScheduleRules['overlap'] = 'send'): ScheduleRules {
  return { missed, overlap }
}

t.test('ticks of an interval are its multiples, whatever instant they are asked from', async t => {
  const ticks = everyTicks(500, 1_000)
  t.strictSame(
    [-9_000, 499, 500, 1_499, 1_500, 1_501].map(after => ticks.next(after)),
    [1_500, 1_500, 1_500, 1_500, 2_500, 2_500],
  )
  t.strictSame(
    [499, 500, 1_499, 1_500, 2_499].map(now => ticks.latest(0, now)),
    [null, null, null, 1_500, 1_500],
  )
  t.equal(ticks.latest(1_500, 2_499), null)
})

// Source: https://github.com/riverqueue/river/issues/791 (a weekly job never ran where the process restarted every day)
t.test('a process that restarts every day sends each weekly tick once', async t => {
  const ticks = cronTicks('0 12 * * 1', 'Europe/Berlin')
  for (const missed of MISSED) {
    let state: ScheduleState = { decidedMs: Date.parse('2026-01-01T00:00Z'), paused: false }
    const sent: number[] = []
    for (let day = 0; day < 28; day++) {
      for (const offset of [-1, 0, 1]) {
        const step = stepSchedule(
          ticks,
          rules(missed),
          state,
          Date.parse('2026-01-01T11:00Z') + day * 24 * HOUR_MS + offset,
          false,
        )
        sent.push(...step.send)
        state = { ...step.state }
      }
    }
    t.equal(sent.length, 4, missed)
    t.equal(new Set(sent).size, 4, missed)
  }
})

// Source: https://github.com/nats-io/nats-server/pull/7687 (after a downtime two ticks came at once)
t.test('after a downtime of days none, one or each of the missed ticks is sent', async t => {
  const now = 72.5 * HOUR_MS
  t.strictSame(stepSchedule(HOURLY, rules('skip'), NEW, now, false).send, [])
  t.strictSame(stepSchedule(HOURLY, rules('once'), NEW, now, false).send, [72 * HOUR_MS])
  t.strictSame(
    stepSchedule(HOURLY, rules('all'), NEW, now, false).send,
    Array.from({ length: 72 }, (_, index) => (index + 1) * HOUR_MS),
  )
  for (const missed of MISSED) t.equal(stepSchedule(HOURLY, rules(missed), NEW, now, false).dueMs, 73 * HOUR_MS)
  const left = { reason: 'missed', firstMs: HOUR_MS }
  t.strictSame(stepSchedule(HOURLY, rules('skip'), NEW, now, false).unsent, [
    { ...left, lastMs: 72 * HOUR_MS, count: 72 },
  ])
  t.strictSame(stepSchedule(HOURLY, rules('once'), NEW, now, false).unsent, [
    { ...left, lastMs: 71 * HOUR_MS, count: 71 },
  ])
  t.strictSame(stepSchedule(HOURLY, rules('all'), NEW, now, false).unsent, [])
  t.equal(stepSchedule(everyTicks(0, 1), rules('skip'), NEW, now, false).unsent[0]?.count, COUNTED_MAX)
})

t.test('the last tick is on time for a minute, and missed afterwards', async t => {
  t.strictSame(stepSchedule(HOURLY, rules('skip'), NEW, HOUR_MS - 1, false).send, [])
  t.strictSame(stepSchedule(HOURLY, rules('skip'), NEW, HOUR_MS, false).send, [HOUR_MS])
  t.strictSame(stepSchedule(HOURLY, rules('skip'), NEW, HOUR_MS + ON_TIME_MS, false).send, [HOUR_MS])
  t.strictSame(stepSchedule(HOURLY, rules('skip'), NEW, HOUR_MS + ON_TIME_MS + 1, false).send, [])
})

t.test('more ticks than a step decides are left to the next step, which is due at once', async t => {
  const ticks = everyTicks(0, 1)
  const first = stepSchedule(ticks, rules('all'), NEW, TICKS_PER_STEP + 10, false)
  t.equal(first.send.length, TICKS_PER_STEP)
  t.equal(first.dueMs, TICKS_PER_STEP + 1)
  t.equal(stepSchedule(ticks, rules('all'), first.state, TICKS_PER_STEP + 10, false).send.length, 10)
})

t.test('a tick is left out while the message before it is not settled, where the schedule says so', async t => {
  const open = stepSchedule(HOURLY, rules('all', 'skip'), NEW, 3 * HOUR_MS, true)
  t.strictSame([open.send, open.state.decidedMs], [[], 3 * HOUR_MS])
  t.strictSame(stepSchedule(HOURLY, rules('all', 'skip'), NEW, 3 * HOUR_MS, false).send, [HOUR_MS])
  t.strictSame(stepSchedule(HOURLY, rules('once', 'skip'), NEW, 3 * HOUR_MS, false).send, [3 * HOUR_MS])
  t.equal(stepSchedule(HOURLY, rules('all', 'send'), NEW, 3 * HOUR_MS, true).send.length, 3)
  const left = { reason: 'overlap', lastMs: 3 * HOUR_MS }
  t.strictSame(open.unsent, [{ ...left, firstMs: HOUR_MS, count: 3 }])
  t.strictSame(stepSchedule(HOURLY, rules('once', 'skip'), NEW, 3 * HOUR_MS, true).unsent, [
    { reason: 'missed', firstMs: HOUR_MS, lastMs: 2 * HOUR_MS, count: 2 },
    { ...left, firstMs: 3 * HOUR_MS, count: 1 },
  ])
})

t.test('ticks of a pause are neither sent nor missed', async t => {
  const { state: paused, unsent } = pauseSchedule(HOURLY, NEW, HOUR_MS - 1)
  t.equal(unsent, null)
  const step = stepSchedule(HOURLY, rules('all'), paused, 5 * HOUR_MS, false)
  t.strictSame([step.send, step.dueMs, step.state], [[], null, paused])
  const resumed = resumeSchedule(paused, 5 * HOUR_MS)
  t.strictSame(stepSchedule(HOURLY, rules('all'), resumed, 6 * HOUR_MS, false).send, [6 * HOUR_MS])
  t.equal(resumeSchedule(NEW, 5 * HOUR_MS), NEW, 'one that is not paused misses what it missed')
  const ahead = resumeSchedule({ decidedMs: 9 * HOUR_MS, paused: true }, 5 * HOUR_MS)
  t.equal(ahead.decidedMs, 9 * HOUR_MS, 'a clock that was set back undoes no decision')
})

t.test('ticks that are due before a pause and were not decided are told as missed', async t => {
  const { state, unsent } = pauseSchedule(HOURLY, NEW, 2 * HOUR_MS)
  t.strictSame(state, { decidedMs: 2 * HOUR_MS, paused: true })
  t.strictSame(unsent, { reason: 'missed', firstMs: HOUR_MS, lastMs: 2 * HOUR_MS, count: 2 })
  t.strictSame(pauseSchedule(HOURLY, state, 9 * HOUR_MS), { state, unsent: null }, 'one that is paused already')
})

t.test('whatever the clock does, no tick is sent twice, and `all` sends each up to the latest instant', async () => {
  const clock = fc.array(
    fc.oneof(fc.integer({ min: -5_000, max: 5_000 }), fc.constantFrom(-1, 0, 1, 999, 1_000, 1_001)),
    { maxLength: 40 },
  )
  fc.assert(
    fc.property(fc.constantFrom(...MISSED), clock, (missed, jumps) => {
      const ticks = everyTicks(0, 1_000)
      let state = NEW
      let [now, latest] = [0, 0]
      const sent: number[] = []
      for (const jump of jumps) {
        now = Math.max(0, now + jump)
        latest = Math.max(latest, now)
        const step = stepSchedule(ticks, rules(missed), state, now, false)
        if (step.dueMs === null || step.dueMs <= now || step.dueMs <= state.decidedMs) return false
        sent.push(...step.send)
        state = step.state
      }
      const rising = sent.every((tick, index) => index === 0 || tick > Number(sent[index - 1]))
      const all = Array.from({ length: Math.floor(latest / 1_000) }, (_, index) => (index + 1) * 1_000)
      return rising && sent.every(tick => tick <= latest) && (missed !== 'all' || sent.join() === all.join())
    }),
    { numRuns: 5_000 },
  )
})
