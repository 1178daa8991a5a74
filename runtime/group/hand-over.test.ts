/** What is left to the next reader, by words and ledgers alone. */
import { Arena, Memory } from 'sharedarraybuffer-ring'
import t from 'tap'
import { LEDGER_BYTES } from '../wire/layout.ts'
import { Ledger } from '../wire/ledger.ts'
import type { Failure } from './group-cursor.ts'
import { handOver, knownRecords, type LeftSlot } from './hand-over.ts'

const memory = Memory.allocate(1 << 20)
const arena = new Arena(memory, 128)
const fresh = (): Ledger => new Ledger(memory, arena.allocate(LEDGER_BYTES))
const NONE = new Map<number, Failure>()

const failure = (offset: number, deliveryAttempt: number, state: Failure['state'] = 'retry'): Failure => ({
  offset,
  failedAttempts: deliveryAttempt,
  deliveryAttempt,
  firstMs: 1,
  lastMs: 2,
  notBeforeMs: 3,
  notBeforeWallMs: 4,
  reason: null,
  state,
})

const one = (left: Partial<LeftSlot>): LeftSlot => ({
  committed: 10,
  handed: 10,
  returned: 10,
  active: 0,
  many: false,
  crash: null,
  ...left,
})

t.test('one after another: the record that was executing is charged, with the hand-out that it was', async t => {
  const block = fresh()
  const died = one({ handed: 11, crash: { executing: true } })
  t.strictSame(handOver(block, fresh(), died, NONE), { committed: 10, executing: { offset: 10, deliveryAttempt: 1 } })
  const again = handOver(block, fresh(), died, new Map([[10, failure(10, 1)]]))
  t.strictSame(again.executing, { offset: 10, deliveryAttempt: 2 })
  t.strictSame(handOver(fresh(), fresh(), one({ crash: { executing: true } }), NONE).executing, null, 'none was handed')
})

t.test('one after another: who cannot be charged is a suspect, and was handed out', async t => {
  const block = fresh()
  const left = one({ handed: 11, active: 1, crash: { executing: false } })
  t.equal(handOver(block, fresh(), left, NONE).executing, null)
  t.match(knownRecords(block, NONE, 10), [{ offset: 10, deliveryAttempt: 1, suspect: true, settled: false }])
  handOver(block, fresh(), left, NONE)
  t.match(knownRecords(block, NONE, 10), [{ offset: 10, deliveryAttempt: 2 }])
})

t.test('one after another: what waits for its next attempt was counted when it failed', async t => {
  const block = fresh()
  const failures = new Map([[10, failure(10, 3)]])
  handOver(block, fresh(), one({ handed: 11 }), failures)
  t.match(knownRecords(block, failures, 10), [
    { offset: 10, deliveryAttempt: 3, failedAttempts: 3, notBeforeMs: 3, suspect: false, dying: false },
  ])
})

t.test('one after another: what had returned and was not confirmed comes again, and is counted', async t => {
  const block = fresh()
  handOver(block, fresh(), one({ handed: 13, returned: 13 }), NONE)
  t.match(knownRecords(block, NONE, 10), [
    { offset: 10, deliveryAttempt: 1 },
    { offset: 11, deliveryAttempt: 1 },
    { offset: 12, deliveryAttempt: 1 },
  ])
})

t.test('several in hand: the settled prefix is committed, what is settled ahead is remembered', async t => {
  const [block, slot] = [fresh(), fresh()]
  for (const offset of [10, 11, 13]) slot.settle(offset, 1)
  slot.handOut(12, 2)
  slot.handOut(14, 1)
  slot.back(15, 4)
  const died = one({ many: true, handed: 13, active: 2, crash: { executing: false } })
  t.strictSame(handOver(block, slot, died, NONE), { committed: 12, executing: null })
  t.match(knownRecords(block, NONE, 12), [
    { offset: 12, deliveryAttempt: 2, settled: false, suspect: true },
    { offset: 13, deliveryAttempt: 1, settled: true, suspect: false },
    { offset: 14, deliveryAttempt: 1, settled: false, suspect: true },
    { offset: 15, deliveryAttempt: 4, settled: false, suspect: false },
  ])
})

t.test('several in hand: one alone can be charged, and then the others are no suspects', async t => {
  const [block, slot] = [fresh(), fresh()]
  slot.handOut(12, 2)
  slot.handOut(14, 1)
  const died = one({ many: true, handed: 13, active: 1, crash: { executing: true } })
  t.strictSame(handOver(block, slot, died, NONE).executing, { offset: 12, deliveryAttempt: 2 })
  t.ok(knownRecords(block, NONE, 10).every(({ suspect }) => !suspect))
  slot.settle(12, 2)
  t.equal(handOver(fresh(), slot, died, NONE).executing, null, 'one that is settled is not')
  slot.back(12, 2)
  t.equal(handOver(fresh(), slot, died, NONE).executing, null, 'nor one that was handed back')
})

t.test('what let go in good order leaves no suspects', async t => {
  const [block, slot] = [fresh(), fresh()]
  slot.handOut(12, 2)
  handOver(block, slot, one({ many: true }), NONE)
  t.match(knownRecords(block, NONE, 10), [{ offset: 12, deliveryAttempt: 2, suspect: false }])
})

t.test('what is dead is settled, what is dying is said to be, and nothing behind is told', async t => {
  const failures = new Map([failure(8, 1), failure(10, 1, 'dead'), failure(11, 2, 'dying')].map(f => [f.offset, f]))
  t.match(knownRecords(fresh(), failures, 10), [
    { offset: 10, settled: true, dying: false },
    { offset: 11, settled: false, dying: true },
  ])
})
