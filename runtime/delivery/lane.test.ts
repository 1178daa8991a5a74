/** The lane against a plain model that looks at all records each time, and its rules one by one. */
import fc from 'fast-check'
import t from 'tap'
import { Lane, type LaneRules, PARKED_MAX } from './lane.ts'
import type { LaneEntry } from './lane-entry.ts'

type Entry = LaneEntry<null>

function laneOf(rules: Partial<LaneRules>, keys: readonly (string | null)[]): Lane<null> {
  const lane = new Lane<null>({ retryOrder: 'partition', serial: true, ...rules }, 0)
  for (const [offset, key] of keys.entries()) lane.take(offset, key, null)
  return lane
}

function out(lane: Lane<null>, now = 0): number[] {
  const found: number[] = []
  for (let entry = lane.next(now); entry !== null; entry = lane.next(now)) found.push(entry.offset)
  return found
}

function failed(lane: Lane<null>, notBeforeMs = 10): Entry {
  const entry = lane.next(0) as Entry
  lane.fail(entry)
  lane.judge(entry, entry.failedAttempts, notBeforeMs)
  return entry
}

t.test('with `partition` everything waits behind a record that failed', async t => {
  const lane = laneOf({}, ['a', 'b', null, 'a'])
  const first = failed(lane)
  t.strictSame(out(lane), [])
  t.equal(lane.dueMs, 10)
  t.strictSame(out(lane, 9), [])
  t.equal(lane.next(10), first)
  t.match(first, { deliveryAttempt: 2, failedAttempts: 1 })
  t.strictSame(out(lane, 10), [], 'until it is settled')
  lane.settle(first)
  t.strictSame(out(lane, 10), [1, 2, 3])
})

t.test('with `key` later records of its key wait, and others go on', async t => {
  const lane = laneOf({ retryOrder: 'key' }, ['a', 'b', null, 'a', null])
  const first = failed(lane)
  t.strictSame(out(lane), [1, 2, 4])
  t.equal(lane.prefix, 0)
  lane.settle(lane.next(10) as Entry)
  t.equal(first.stage, 'settled')
  t.strictSame(out(lane, 10), [3])
  t.equal(lane.prefix, 1)
})

t.test('with `none` nothing waits, but one key is not out twice', async t => {
  const lane = laneOf({ retryOrder: 'none' }, ['a', 'a', 'b', 'a'])
  failed(lane)
  const next = lane.next(0) as Entry
  t.equal(next.offset, 1)
  t.strictSame(out(lane, 10), [2], 'also not the one that failed')
  lane.settle(next)
  t.strictSame(out(lane, 10), [0])
})

t.test('without `serial` one key may be out many times', async t => {
  const lane = laneOf({ serial: false, retryOrder: 'key' }, ['a', 'a', 'b', 'a'])
  const entries = [lane.next(0), lane.next(0)] as Entry[]
  lane.fail(entries[0] as Entry)
  t.strictSame(out(lane), [2], 'but none behind one that failed')
})

t.test('the prefix moves over what is settled without a gap', async t => {
  const lane = laneOf({}, ['a', 'b', 'c'])
  const entries = [lane.next(0), lane.next(0), lane.next(0)] as Entry[]
  lane.settle(entries[2] as Entry)
  lane.settle(entries[1] as Entry)
  t.equal(lane.prefix, 0)
  lane.settle(entries[0] as Entry)
  t.equal(lane.prefix, 3)
  t.equal(lane.size, 0)
})

t.test('what was settled ahead is not handed out again, and a suspect goes alone', async t => {
  const known = { failedAttempts: 0, deliveryAttempt: 1, notBeforeMs: 0, settled: false, dying: false, suspect: false }
  const lane = new Lane<null>({ retryOrder: 'none', serial: true }, 5)
  lane.take(5, 'a', null, { ...known, suspect: true })
  lane.take(6, 'b', null, { ...known, settled: true })
  lane.take(7, 'c', null, { ...known, suspect: true })
  lane.take(8, 'd', null)
  lane.take(9, 'e', null)
  const first = lane.next(0) as Entry
  t.match(first, { offset: 5, deliveryAttempt: 2 })
  t.equal(lane.next(0), null)
  lane.settle(first)
  t.equal(lane.prefix, 7)
  t.strictSame(
    lane.batch(10, 0).map(({ offset }) => offset),
    [7],
  )
  t.notOk(lane.hasNext(0))
})

t.test(
  'a batch holds records of one key in their order; halves stand apart until the bad one stands alone',
  async t => {
    const lane = laneOf({}, ['a', 'a', 'b', 'a', 'c'])
    const offsets = (batch: readonly Entry[]): number[] => batch.map(({ offset }) => offset)
    const all = lane.batch(10, 0)
    t.strictSame(offsets(all), [0, 1, 2, 3, 4])
    lane.halve(all)
    const first = lane.batch(10, 0)
    t.strictSame(offsets(first), [0, 1])
    for (const entry of first) lane.settle(entry)
    const second = lane.batch(10, 0)
    t.strictSame(offsets(second), [2, 3, 4])
    lane.halve(second)
    const bad = lane.batch(10, 0)
    t.strictSame(offsets(bad), [2])
    t.match(bad, [{ failedAttempts: 0, deliveryAttempt: 3 }])
    lane.fail(bad[0] as Entry)
    lane.judge(bad[0] as Entry, 1, 0)
    const again = lane.batch(10, 0)
    t.strictSame(offsets(again), [2], 'one that failed goes alone')
    lane.settle(again[0] as Entry)
    t.strictSame(offsets(lane.batch(10, 0)), [3, 4])
  },
)

t.test('a batch is ready when it is full, or when it is not to be filled', async t => {
  const lane = laneOf({}, ['a', 'a', 'a'])
  t.notOk(lane.batchIsReady(4, 0))
  t.ok(lane.batchIsReady(3, 0))
  lane.halve(lane.batch(2, 0))
  t.ok(lane.batchIsReady(4, 0))
  t.notOk(laneOf({}, []).batchIsReady(1, 0))
})

t.test('beyond its bound of failed records, others wait, and the failed ones go on', async t => {
  const lane = laneOf(
    { retryOrder: 'none' },
    Array.from({ length: PARKED_MAX + 5 }, () => null),
  )
  for (let count = 0; count < PARKED_MAX; count++) failed(lane, count === 0 ? 10 : 1_000)
  t.equal(lane.next(0), null)
  const again = lane.next(10) as Entry
  t.equal(again.offset, 0)
  lane.settle(again)
  t.equal(lane.next(0)?.offset, PARKED_MAX)
})

/** The rules, word for word. */
class Model {
  readonly rules: LaneRules
  readonly entries: Entry[]

  constructor(rules: LaneRules, entries: Entry[]) {
    this.rules = rules
    this.entries = entries
  }

  may(entry: Entry, now: number, pick: number, suspects: ReadonlySet<Entry>): boolean {
    const { retryOrder, serial } = this.rules
    const due = entry.stage === 'waiting' || (entry.stage === 'parked' && entry.notBeforeMs <= now)
    if (!due) return false
    const unsettled = this.entries.filter(({ stage }) => stage !== 'settled')
    if (suspects.size > 0 && unsettled.some(({ stage }) => stage === 'out')) return false
    const first = unsettled[0]?.offset ?? 0
    const held = this.entries.filter(each => each.failedAttempts > 0 && each.offset >= first).length
    if (entry.failedAttempts === 0 && held >= PARKED_MAX) return false
    const before = unsettled.filter(({ offset }) => offset < entry.offset)
    if (retryOrder === 'partition' && before.some(each => each.failedAttempts > 0)) return false
    if (entry.key === null) return true
    const mates = unsettled.filter(each => each.key === entry.key && each !== entry)
    const together = (each: Entry): boolean => pick !== 0 && each.stage === 'out' && each.pick === pick
    const mine = mates.filter(({ offset }) => offset < entry.offset)
    if (retryOrder === 'key' && mine.some(each => each.failedAttempts > 0)) return false
    if (!serial) return true
    if (retryOrder === 'none') return mates.every(each => each.stage !== 'out' || together(each))
    return mine.every(together)
  }

  next(now: number, pick: number, suspects: ReadonlySet<Entry>): Entry | null {
    return this.entries.find(entry => this.may(entry, now, pick, suspects)) ?? null
  }
}

t.test('it hands out what the rules say, whatever happens', async () => {
  const act = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant('take' as const), key: fc.constantFrom(null, 'a', 'b', 'c') }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('takeKnown' as const),
        key: fc.constantFrom(null, 'a', 'b'),
        kind: fc.nat(4),
      }),
    },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('next' as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('batch' as const), max: fc.integer({ min: 1, max: 5 }) }) },
    {
      weight: 8,
      arbitrary: fc.record({ do: fc.constantFrom('settle', 'settle', 'fail', 'release', 'halve'), which: fc.nat(20) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('judge' as const),
        which: fc.nat(20),
        dead: fc.boolean(),
        waitMs: fc.nat(5),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(4) }) },
  )
  const rules = fc.record({
    retryOrder: fc.constantFrom('partition' as const, 'key' as const, 'none' as const),
    serial: fc.boolean(),
  })
  fc.assert(
    fc.property(rules, fc.array(act, { maxLength: 120 }), (made, acts) => {
      const lane = new Lane<null>(made, 0)
      const model = new Model(made, [])
      const suspects = new Set<Entry>()
      let now = 0
      const same = (found: Entry | null, expected: Entry | null, what: string): void => {
        if (found !== expected) throw new Error(`${what}: ${found?.offset} instead of ${expected?.offset}`)
      }
      for (const each of acts) {
        const { entries } = model
        const offset = entries.length
        if (each.do === 'take') entries.push(lane.take(offset, each.key, null))
        else if (each.do === 'takeKnown') {
          const known = {
            failedAttempts: each.kind === 1 || each.kind === 4 ? 1 : 0,
            deliveryAttempt: 1,
            notBeforeMs: now + 2,
            settled: each.kind === 2,
            dying: each.kind === 4,
            suspect: each.kind === 3,
          }
          const entry = lane.take(offset, each.key, null, known)
          entries.push(entry)
          if (known.suspect) suspects.add(entry)
        } else if (each.do === 'next') {
          const expected = model.next(now, 0, suspects)
          if (lane.hasNext(now) !== (expected !== null)) throw new Error('hasNext is wrong')
          same(lane.next(now), expected, 'next')
        } else if (each.do === 'batch') {
          const first = model.next(now, 0, suspects)
          const alone = first === null || first.failedAttempts > 0 || suspects.size > 0
          const batch = lane.batch(each.max, now)
          same(batch[0] ?? null, first, 'first')
          if (alone && batch.length > 1) throw new Error('it should be alone')
          // Each one was the lowest that could join those before it.
          for (let index = 1; index < batch.length; index++) {
            const rest = batch.slice(index)
            for (const entry of rest) entry.stage = 'waiting'
            same(batch[index] as Entry, model.next(now, (first as Entry).pick, suspects), 'joins')
            if (batch[index]?.cohort !== first?.cohort) throw new Error('another part')
            for (const entry of rest) entry.stage = 'out'
          }
          const more = alone || batch.length === each.max ? null : model.next(now, (first as Entry).pick, suspects)
          if (more !== null && more.failedAttempts === 0 && more.cohort === first?.cohort)
            throw new Error('one is missing')
        } else if (each.do === 'wait') now += each.ms
        else if (each.do === 'judge') {
          const judged = entries.filter(({ stage }) => stage === 'judged')
          const entry = judged[each.which % Math.max(1, judged.length)]
          if (entry === undefined) continue
          if (each.dead) lane.settle(entry)
          else lane.judge(entry, entry.failedAttempts, now + each.waitMs)
        } else {
          const outs = entries.filter(({ stage }) => stage === 'out')
          const entry = outs[each.which % Math.max(1, outs.length)]
          if (entry === undefined) continue
          if (each.do === 'settle') lane.settle(entry)
          else if (each.do === 'fail') lane.fail(entry)
          else if (each.do === 'release') lane.release(entry)
          else if (outs.filter(({ pick }) => pick === entry.pick).length > 1) {
            const batch = outs.filter(({ pick }) => pick === entry.pick)
            lane.halve(batch)
            for (const one of batch) suspects.delete(one)
          }
          if (entry.stage !== 'out') suspects.delete(entry)
        }
        const unsettled = entries.find(({ stage }) => stage !== 'settled')
        if (entries.length > 0 && lane.prefix !== (unsettled?.offset ?? entries.length))
          throw new Error('the prefix is wrong')
        if (lane.out !== entries.filter(({ stage }) => stage === 'out').length) throw new Error('out is wrong')
      }
    }),
    { numRuns: 2_000 },
  )
})
