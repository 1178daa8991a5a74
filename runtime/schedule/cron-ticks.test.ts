import t from 'tap'
import { changesOf, oracleTicks } from './cron-oracle.fixture.ts'
import { cronTicks } from './cron-ticks.ts'

const ZONES = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'Africa/Casablanca']
const PATTERNS = [
  '30 2 * * *',
  '*/15 * * * *',
  '0 * * * *',
  '10,50 1-3 * * *',
  '0 3 * * 0',
  '15 2 1 * 1',
  '59 1 29 3,10 *',
]
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

function at(text: string): number {
  return Date.parse(text)
}

function some(pattern: string, zone: string, from: string, count: number): string[] {
  const ticks = cronTicks(pattern, zone)
  const found: string[] = []
  let tick: number | null = at(from)
  for (let index = 0; index < count && tick !== null; index++) {
    tick = ticks.next(tick)
    if (tick !== null) found.push(new Date(tick).toISOString().slice(0, 16))
  }
  return found
}

t.test(
  'all changes of local time from 2026 to 2030 in five zones have the ticks that a walk over each minute finds',
  async t => {
    let changes = 0
    for (const zone of ZONES) {
      const found = changesOf(zone, at('2026-01-01T00:00Z'), at('2031-01-01T00:00Z'))
      changes += found.length
      for (const change of found.length > 0 ? found : [at('2026-03-29T01:00Z')]) {
        const [from, to] = [change - DAY_MS, change + DAY_MS]
        for (const pattern of PATTERNS) {
          const ticks = cronTicks(pattern, zone)
          const got: number[] = []
          let tick = ticks.next(from - 1)
          while (tick !== null && tick < to) {
            got.push(tick)
            tick = ticks.next(tick)
          }
          const all = oracleTicks(pattern, zone, from, to)
          const text = `${pattern} in ${zone} around ${new Date(change).toISOString()}`
          t.strictSame(got, all, text)
          // Begun at any of these instants, also within the hour that comes again.
          for (const after of [-61, -30, -1, 0, 1, 29, 31, 59, 60].map(minutes => change + (minutes * HOUR_MS) / 60)) {
            const first = all.find(other => other > after)
            if (first !== undefined)
              t.equal(ticks.next(after), first, `${text}, after ${new Date(after).toISOString()}`)
          }
        }
      }
    }
    // Two a year in most zones. A zone may give its changes up, as newer releases of Node know.
    t.ok(changes >= 20, `${changes} changes of local time`)
  },
)

t.test('the last tick up to an instant is the one that steps of `next` end at', async t => {
  const ticks = cronTicks('10,50 1-3 * * *', 'Australia/Lord_Howe')
  const from = at('2026-04-03T00:00Z')
  const all = oracleTicks('10,50 1-3 * * *', 'Australia/Lord_Howe', from, from + 3 * DAY_MS)
  for (const tick of all) {
    for (const now of [tick - 1, tick, tick + 1]) {
      t.equal(ticks.latest(from - 1, now), all.filter(other => other <= now).at(-1) ?? null)
    }
    t.equal(ticks.latest(tick, tick + 1), null, 'none after it')
  }
})

// Source: https://github.com/OptimalBits/bull/issues/2207 (a job at a time that the clock has twice ran twice, or never)
// Source: https://github.com/kelektiv/node-cron/issues/563 (not at all where local time jumps forward, twice where it jumps back)
t.test('a local time that does not exist is the end of the gap, and one that exists twice is the first', async t => {
  t.strictSame(some('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00Z', 2), ['2026-03-29T01:00', '2026-03-30T00:30'])
  t.strictSame(some('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00Z', 2), ['2026-10-25T00:30', '2026-10-26T01:30'])
  const list = some('30 2,14 * * *', 'Europe/Berlin', '2026-10-24T13:00Z', 2)
  t.strictSame(list, ['2026-10-25T00:30', '2026-10-25T13:30'], 'a list names its times as well')
  const early = some('10,50 2 * * *', 'Europe/Berlin', '2026-03-28T12:00Z', 2)
  t.strictSame(early, ['2026-03-29T01:00', '2026-03-30T00:10'], 'two in one gap are one tick')
})

// Source: https://github.com/kelektiv/node-cron/issues/881 (a job of every half hour left out the hour that comes again)
t.test('an interval goes on through the hour that comes again, also begun in its middle', async t => {
  t.strictSame(some('0 * * * *', 'Europe/Berlin', '2026-10-24T23:30Z', 3), [
    '2026-10-25T00:00',
    '2026-10-25T01:00',
    '2026-10-25T02:00',
  ])
  t.strictSame(some('*/10 * * * *', 'Europe/Berlin', '2026-10-25T01:35Z', 1), ['2026-10-25T01:40'])
  t.strictSame(some('0 * * * *', 'Europe/Berlin', '2026-03-28T23:30Z', 2), ['2026-03-29T00:00', '2026-03-29T01:00'])
})

t.test('six fields begin with seconds', async t => {
  const ticks = cronTicks('*/20 * * * * *', 'UTC')
  t.equal(ticks.next(at('2026-01-01T00:00:00.001Z')), at('2026-01-01T00:00:20Z'))
  t.equal(ticks.next(at('2026-01-01T00:00:19.999Z')), at('2026-01-01T00:00:20Z'))
  t.equal(ticks.next(at('2026-01-01T00:00:20Z')), at('2026-01-01T00:00:40Z'))
})

t.test('a pattern or a zone that is none is refused, with what it must be and the field that is wrong', async t => {
  const refused: readonly (readonly [pattern: string, why: string])[] = [
    ['', 'has 0 fields'],
    ['a', 'has 1 fields'],
    ['* * * *', 'has 4 fields'],
    ['* * * * * * *', 'has 7 fields'],
    ['61 * * * *', 'its minute cannot be "61"'],
    ['* 5-1 * * *', 'its hour cannot be "5-1"'],
    ['* * 0 * *', 'its day of the month cannot be "0"'],
    ['* * * 13 *', 'its month cannot be "13"'],
    ['* * * * mon-', 'its day of the week cannot be "mon-"'],
    ['60 * * * * *', 'its second cannot be "60"'],
    ['2026-01-01T00:00:00', 'has 1 fields'],
  ]
  for (const [pattern, why] of refused) {
    let message = ''
    try {
      cronTicks(pattern, 'UTC')
    } catch (error) {
      message = (error as Error).message
    }
    t.match(message, /^`cron` must be a pattern of five fields/, pattern)
    t.ok(message.includes(why), message)
  }
  t.throws(() => cronTicks('0 0 * * *', 'Europe/Nowhere'), {
    name: 'RangeError',
    message: /`timeZone` must be an IANA name/,
  })
})

t.test('a pattern that never matches has no tick', async t => {
  const ticks = cronTicks('0 0 30 2 *', 'UTC')
  t.equal(ticks.next(0), null)
  t.equal(ticks.latest(0, at('2030-01-01T00:00Z')), null)
})
