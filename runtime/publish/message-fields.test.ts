/** When a message is due and expires, of any length, and what is refused. */
import t from 'tap'
import { nowMs, wallMs } from '../../actors/world.ts'
import { type GivenTimes, messageFields, onWallClock } from './message-fields.ts'

const NEVER = { messageTtlMs: Number.POSITIVE_INFINITY, keyConcurrency: Number.POSITIVE_INFINITY }
const CENTURY_MS = 100 * 365.25 * 86_400_000
const DATE_MS_MAX = 8.64e15
const odd = (times: object): GivenTimes => times as GivenTimes

/** Delay and time to live that the fields have; null: none. */
function timesOf(given: GivenTimes, queue = NEVER): readonly [number | null, number | null] {
  const before = nowMs()
  const fields = messageFields(0, given, queue)
  const due = fields?.notBefore ?? before
  const { notBefore = null, expiresAt = null } = fields ?? {}
  const rounded = (ms: number): number => (Math.abs(ms) < 1_000 ? ms : Math.round(ms / 1_000) * 1_000)
  return [notBefore === null ? null : rounded(due - before), expiresAt === null ? null : rounded(expiresAt - due)]
}

t.test('a plain message has no fields, and one of a priority shares them with the others', async t => {
  t.equal(messageFields(0, {}, NEVER), null)
  t.match(messageFields(3, {}, NEVER), { priority: 3, notBefore: null, expiresAt: null, id: null })
  t.match(
    messageFields(0, {}, { ...NEVER, keyConcurrency: 1 }),
    { priority: 0 },
    'where keys are limited all have their hash',
  )
  t.equal(messageFields(3, {}, NEVER), messageFields(3, { ttlMs: Number.POSITIVE_INFINITY, delayMs: 0 }, NEVER))
})

t.test('delays are of any length', async t => {
  for (const delayMs of [5_000, 2 ** 31 + 1, 2 ** 32 + 1, CENTURY_MS])
    t.strictSame(timesOf({ delayMs }), [Math.round(delayMs / 1_000) * 1_000, null])
  t.strictSame(timesOf({ deliverAt: new Date(wallMs() + CENTURY_MS) }), [CENTURY_MS, null])
  t.strictSame(timesOf({ deliverAt: new Date(DATE_MS_MAX) })[1], null)
  t.equal(messageFields(0, { deliverAt: new Date(wallMs() - 1) }, NEVER), null, 'what has passed is no delay')
})

t.test('the wall clock is looked at when the record is written', async t => {
  const fields = messageFields(3, { delayMs: 5_000, ttlMs: 7_000 }, NEVER)
  if (fields === null) throw new Error('it has none')
  const ms = wallMs() - nowMs()
  const { notBefore, expiresAt, priority } = onWallClock(fields)
  t.ok(Math.abs((notBefore as number) - (fields.notBefore as number) - ms) < 1_000)
  t.ok(Math.abs((expiresAt as number) - (notBefore as number) - 7_000) < 1e-3)
  t.equal(priority, 3)
  const plain = messageFields(3, {}, NEVER)
  t.equal(plain && onWallClock(plain), plain)
})

t.test('the shorter time to live counts, and from the end of the delay', async t => {
  t.strictSame(timesOf({ ttlMs: 5_000 }), [null, 5_000])
  t.strictSame(timesOf({ ttlMs: 5_000 }, { ...NEVER, messageTtlMs: 9_000 }), [null, 5_000])
  t.strictSame(timesOf({ ttlMs: 9_000 }, { ...NEVER, messageTtlMs: 5_000 }), [null, 5_000])
  t.strictSame(timesOf({ ttlMs: Number.POSITIVE_INFINITY }, { ...NEVER, messageTtlMs: 5_000 }), [null, 5_000])
  t.strictSame(timesOf({}, { ...NEVER, messageTtlMs: 5_000 }), [null, 5_000])
  t.strictSame(timesOf({ delayMs: 60_000, ttlMs: CENTURY_MS }), [60_000, CENTURY_MS])
  t.strictSame(timesOf({}, { ...NEVER, messageTtlMs: DATE_MS_MAX }), [null, null], 'no Date holds that moment')
})

t.test('what cannot be is refused', async t => {
  const wrong: readonly (readonly [object, string, RegExp])[] = [
    [{ delayMs: -1 }, 'MILL_OUT_OF_RANGE', /`delayMs` must be 0 or more.*it is -1/],
    [{ delayMs: Number.NaN }, 'MILL_OUT_OF_RANGE', /`delayMs` .*NaN/],
    [{ delayMs: Number.POSITIVE_INFINITY }, 'MILL_OUT_OF_RANGE', /`delayMs` .*Infinity/],
    [{ delayMs: DATE_MS_MAX }, 'MILL_OUT_OF_RANGE', /within what a Date can hold/],
    [{ delayMs: '5' }, 'MILL_INVALID_OPTION', /`delayMs` must be a number .*not "5"/],
    [{ delayMs: null }, 'MILL_INVALID_OPTION', /`delayMs` .*not null/],
    [{ deliverAt: wallMs() }, 'MILL_INVALID_OPTION', /`deliverAt` must be a Date, not \d+/],
    [{ deliverAt: new Date(Number.NaN) }, 'MILL_OUT_OF_RANGE', /`deliverAt` is an invalid Date/],
    [{ delayMs: 1, deliverAt: new Date(0) }, 'MILL_INVALID_OPTION', /`delayMs` or `deliverAt`, not both/],
    [{ ttlMs: 0 }, 'MILL_OUT_OF_RANGE', /`ttlMs` must be 1 or more.*it is 0/],
    [{ ttlMs: Number.NaN }, 'MILL_OUT_OF_RANGE', /`ttlMs` .*NaN/],
    [{ ttlMs: DATE_MS_MAX }, 'MILL_OUT_OF_RANGE', /`ttlMs` .*within what a Date can hold/],
    [{ ttlMs: 5n }, 'MILL_INVALID_OPTION', /`ttlMs` must be a number/],
  ]
  for (const [times, code, message] of wrong) t.throws(() => messageFields(0, odd(times), NEVER), { code, message })
})
