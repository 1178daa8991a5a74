import fc from 'fast-check'
import t from 'tap'
import { FAILURES_MAX } from '../wire/layout.ts'
import type { RetryPolicy } from '../wire/places.ts'
import {
  type CursorEffect,
  type CursorInput,
  type CursorState,
  type FailureHow,
  openCursor,
  step,
} from './group-cursor.ts'

const policy = (options: Partial<RetryPolicy> = {}): RetryPolicy => ({
  attempts: 3,
  hasDeadLetters: true,
  initialMs: 100,
  maxMs: 1_000,
  jitter: 0.5,
  atMostOnce: false,
  order: 'partition',
  ...options,
})

/** What the wall clock is ahead, so that moments on the two cannot be taken for each other. */
const WALL_MS = 1_000_000

/** A state that inputs are put to, one after the other. */
class Cursor {
  state: CursorState

  constructor(with_: RetryPolicy) {
    this.state = openCursor(with_, [], 0, 0)
  }

  take(input: CursorInput, now = 1_000, random = 0): readonly CursorEffect[] {
    const next = step(this.state, input, { nowMs: now, wallMs: WALL_MS + now }, () => random)
    this.state = next.state
    return next.effects
  }

  fails(
    offset: number,
    deliveryAttempt: number,
    how: FailureHow = 'failed',
    now = 1_000,
    random = 0,
  ): readonly CursorEffect[] {
    return this.take({ kind: 'settled', offset, committed: 0, how, deliveryAttempt }, now, random)
  }
}

/** For people and for another process on the wall clock, for this one on the other. */
const failedAt = (first: number, last: number) => ({ firstMs: WALL_MS + first, lastMs: WALL_MS + last })
const dueAt = (due: number) => ({ notBeforeMs: due, notBeforeWallMs: WALL_MS + due })

t.test('failures are counted and kept before they are answered; the last one is a dead letter', async t => {
  const cursor = new Cursor(policy())
  t.match(cursor.fails(7, 1, 'failed', 50), [
    { kind: 'keep' },
    { kind: 'retry', failure: { offset: 7, failedAttempts: 1, ...failedAt(50, 50), ...dueAt(150) } },
  ])
  t.match(cursor.fails(7, 3, 'timeout', 200), [
    { kind: 'keep' },
    { kind: 'retry', failure: { failedAttempts: 2, deliveryAttempt: 3, ...failedAt(50, 200), ...dueAt(400) } },
  ])
  t.match(cursor.fails(7, 4, 'failed', 500), [
    { kind: 'keep' },
    { kind: 'deadLetter', failure: { failedAttempts: 3, reason: 'failed', state: 'dying' } },
  ])
  t.match(cursor.take({ kind: 'deadLettered', offset: 7 }), [
    { kind: 'keep', failure: { state: 'dead' } },
    { kind: 'skip', offset: 7 },
  ])
  t.match(cursor.state, { failed: 3, deadLettered: 1 })
  t.strictSame(cursor.take({ kind: 'committed', committed: 8 }), [{ kind: 'forget', offset: 7 }])
  t.equal(cursor.state.failures.size, 0)
})

t.test('at most once a first failure is the last: a dead letter, or only counted', async t => {
  for (const how of ['failed', 'rejected', 'timeout', 'decode', 'crashed'] as const) {
    const once = new Cursor(policy({ attempts: 1, atMostOnce: true }))
    t.match(once.fails(4, 1, how), [{ kind: 'keep' }, { kind: 'deadLetter', failure: { reason: how, state: 'dying' } }])
    t.strictSame(once.take({ kind: 'committed', committed: 9 }), [], 'it stays until its dead letter is there')
    t.match(once.take({ kind: 'deadLettered', offset: 4 }), [{ kind: 'keep' }, { kind: 'skip', offset: 4 }])
    t.strictSame(once.take({ kind: 'committed', committed: 9 }), [{ kind: 'forget', offset: 4 }])
    const dropping = new Cursor(policy({ attempts: 1, atMostOnce: true, hasDeadLetters: false }))
    t.match(dropping.fails(4, 1, how), [
      { kind: 'keep', failure: { state: 'dead', reason: null } },
      { kind: 'drop', offset: 4 },
      { kind: 'skip', offset: 4 },
    ])
    t.strictSame(dropping.fails(4, 1, how), [{ kind: 'skip', offset: 4 }], 'said again, it is not counted again')
    t.match(dropping.state, { failed: 1, deadLettered: 0 })
  }
})

t.test('what is said again changes nothing, and is answered again', async t => {
  const cursor = new Cursor(policy())
  cursor.fails(1, 1)
  const before = cursor.state
  t.match(cursor.fails(1, 1, 'failed', 5_000), [{ kind: 'retry', failure: { failedAttempts: 1 } }])
  t.equal(cursor.state, before)
  cursor.fails(1, 2, 'rejected')
  t.strictSame(cursor.fails(1, 2, 'rejected'), [], 'it is on its way')
  cursor.take({ kind: 'deadLettered', offset: 1 })
  const dead = cursor.state
  t.strictSame(cursor.fails(1, 2, 'rejected'), [{ kind: 'skip', offset: 1 }])
  t.strictSame(cursor.take({ kind: 'deadLettered', offset: 1 }), [])
  t.strictSame(cursor.take({ kind: 'deadLettered', offset: 99 }), [])
  t.equal(cursor.state, dead)
  t.strictSame(
    cursor.take({ kind: 'settled', offset: 4, committed: 5, how: 'failed', deliveryAttempt: 1 }),
    [],
    'behind the committed offset',
  )
})

t.test('what is rejected or does not decode is a dead letter at once, if there is somewhere to go', async t => {
  for (const how of ['rejected', 'decode'] as const) {
    for (const attempts of [1, 5, Number.POSITIVE_INFINITY]) {
      t.match(new Cursor(policy({ attempts })).fails(0, 1, how)[1], { kind: 'deadLetter', failure: { reason: how } })
    }
    t.match(new Cursor(policy({ attempts: Number.POSITIVE_INFINITY, hasDeadLetters: false })).fails(0, 1, how)[1], {
      kind: 'retry',
    })
  }
  const endless = new Cursor(policy({ attempts: Number.POSITIVE_INFINITY }))
  for (let attempt = 1; attempt < 100; attempt++)
    t.match(endless.fails(0, attempt)[1], { kind: 'retry', failure: { failedAttempts: attempt } })
})

t.test('the wait doubles up to its ceiling, less a random share', async () => {
  fc.assert(
    fc.property(
      fc.record({
        initialMs: fc.nat(5_000),
        maxMs: fc.nat(100_000),
        jitter: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.integer({ min: 1, max: 60 }),
      ({ initialMs, maxMs, jitter }, random, failures) => {
        const cursor = new Cursor(policy({ attempts: Number.POSITIVE_INFINITY, initialMs, maxMs, jitter }))
        let wait = 0
        for (let attempt = 1; attempt <= failures; attempt++) {
          const effect = cursor.fails(0, attempt, 'failed', 1_000, random)[1]
          if (effect?.kind !== 'retry') throw new Error('no retry')
          wait = effect.failure.notBeforeMs - 1_000
        }
        let full = initialMs
        for (let attempt = 1; attempt < failures && full < maxMs; attempt++) full *= 2
        full = Math.min(full, maxMs)
        if (!Number.isInteger(wait) || wait > full || wait < full * (1 - jitter) - 1)
          throw new Error(`a wait of ${wait} for ${full}`)
      },
    ),
  )
})

t.test('when the table is full a new failure comes later, and known ones go on', async t => {
  const cursor = new Cursor(policy())
  for (let offset = 0; offset < FAILURES_MAX; offset++) cursor.fails(offset, 1)
  const before = cursor.state
  t.strictSame(cursor.fails(FAILURES_MAX, 1), [{ kind: 'later' }])
  t.equal(cursor.state, before)
  t.match(cursor.fails(3, 2)[1], { kind: 'retry' })
  cursor.take({ kind: 'committed', committed: 1 })
  t.match(cursor.fails(FAILURES_MAX, 1)[1], { kind: 'retry' })
})

t.test('it agrees with a plain count, whatever comes', async () => {
  const hows: readonly FailureHow[] = ['failed', 'rejected', 'timeout', 'decode', 'crashed']
  const act = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('fail' as const),
        offset: fc.nat(6),
        how: fc.constantFrom(...hows),
        again: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('buried' as const), offset: fc.nat(6) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('commit' as const), by: fc.nat(2) }) },
  )
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(act, { maxLength: 80 }), (attempts, acts) => {
      const cursor = new Cursor(policy({ attempts }))
      const count = new Map<number, { hand: number; failed: number; state: 'retry' | 'dying' | 'dead' }>()
      let committed = 0
      let failed = 0
      let dead = 0
      for (const each of acts) {
        if (each.kind === 'fail') {
          const { offset, how, again } = each
          const known = count.get(offset)
          const repeated = again && known !== undefined
          const deliveryAttempt = (known?.hand ?? 0) + (repeated ? 0 : 1)
          cursor.take({ kind: 'settled', offset, committed, how, deliveryAttempt })
          if (offset < committed || repeated || (known !== undefined && known.state !== 'retry')) continue
          failed++
          const failures = (known?.failed ?? 0) + 1
          const dies = how === 'rejected' || how === 'decode' || failures >= attempts
          count.set(offset, { hand: deliveryAttempt, failed: failures, state: dies ? 'dying' : 'retry' })
        } else if (each.kind === 'buried') {
          const known = count.get(each.offset)
          if (known?.state !== 'dying') continue
          cursor.take({ kind: 'deadLettered', offset: each.offset })
          known.state = 'dead'
          dead++
        } else {
          committed += each.by
          cursor.take({ kind: 'committed', committed })
          for (const offset of [...count.keys()]) if (offset < committed) count.delete(offset)
        }
        const kept = [...cursor.state.failures.values()].map(({ offset, deliveryAttempt, failedAttempts, state }) => [
          offset,
          deliveryAttempt,
          failedAttempts,
          state,
        ])
        const expected = [...count].map(([offset, { hand, failed: n, state }]) => [offset, hand, n, state])
        if (JSON.stringify(kept.sort()) !== JSON.stringify(expected.sort()))
          throw new Error(`${JSON.stringify(kept)} is not ${JSON.stringify(expected)}`)
        if (cursor.state.failed !== failed || cursor.state.deadLettered !== dead) throw new Error('the sums are wrong')
      }
    }),
    { numRuns: 500 },
  )
})
