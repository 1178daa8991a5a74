/** A batch outside the lane: which records go into it, and that they are out together in the lane once it takes them. */
import t from 'tap'
import { ToyIntake, ToySource } from '../reader/toy-intake.fixture.ts'
import type { BatchShape } from '../wire/member-calls.ts'
import { BatchSettler } from './batch-settler.ts'
import { CommitLine } from './commit-line.ts'
import type { LaneCall } from './lane-call.ts'
import { SettleableDelivery } from './manual-delivery.ts'
import { PlainBatch } from './plain-batch.ts'

const NO_WAIT = { maxRecords: 4, maxWaitMs: 0 } as const

function batchOver(records: number) {
  const source = new ToySource()
  source.records = records
  const intake = new ToyIntake(source, 1)
  const line = new CommitLine({ wake: () => undefined }, intake, { retryOrder: 'key', serial: true })
  const settler: BatchSettler = new BatchSettler(
    'key',
    line,
    () => plain.intoLane(),
    () => undefined,
  )
  const plain = new PlainBatch(line, intake, settler)
  const take = (shape: BatchShape) => plain.take(shape, () => void line.commit())
  return { source, intake, line, plain, take }
}

const offsetsIn = (call: LaneCall | null): number[] => (call?.deliveries ?? []).map(({ offset }) => offset)
const standing = ({ known }: ToySource): [number, boolean][] => [...known.values()].map(k => [k.offset, k.settled])

t.test('batches go out one behind the other, and are committed as they end; the ledger has each record', async t => {
  const { source, line, plain, take } = batchOver(10)
  t.strictSame(offsetsIn(take(NO_WAIT)), [0, 1, 2, 3])
  t.equal(plain.out, 4)
  t.strictSame(
    standing(source),
    [0, 1, 2, 3].map(offset => [offset, false]),
  )
  t.notOk(line.commit(), 'they are out')
  source.known.clear()
  plain.settle()
  t.equal(plain.out, 0)
  t.strictSame(
    standing(source),
    [0, 1, 2, 3].map(offset => [offset, true]),
  )
  t.ok(line.commit())
  source.known.clear()
  t.strictSame(offsetsIn(take(NO_WAIT)), [4, 5, 6, 7])
  plain.settle()
  plain.settle()
  line.commit()
  t.equal(source.committed, 8)
})

t.test('records in the lane keep later ones out of a batch; so does what is known of one to come', async t => {
  const { line, take } = batchOver(6)
  line.take()
  t.equal(take(NO_WAIT), null)
  const [entry] = line.lane.batch(1, 0)
  if (entry !== undefined) line.settle(entry)
  t.strictSame(offsetsIn(take(NO_WAIT)), [1, 2, 3, 4])
  const known = batchOver(6)
  known.intake.stands(5, 1, 'back')
  t.equal(known.take(NO_WAIT), null)
  t.equal(known.line.lane.size, 0)
})

t.test('one record alone, and a batch that waits for more, go by the lane', async t => {
  const alone = batchOver(1)
  t.equal(alone.take(NO_WAIT), null)
  t.strictSame([alone.line.lane.size, alone.plain.out], [1, 0])
  const few = batchOver(3)
  t.equal(few.take({ maxRecords: 4, maxWaitMs: 5 }), null)
  t.strictSame(
    few.line.lane.entries.map(({ offset, stage }) => [offset, stage]),
    [0, 1, 2].map(n => [n, 'waiting']),
  )
  const full = batchOver(4)
  t.strictSame(offsetsIn(full.take({ maxRecords: 4, maxWaitMs: 5 })), [0, 1, 2, 3])
})

t.test('in the lane they are out for the first time, together, whatever their keys', async t => {
  const { source, line, plain, take } = batchOver(8)
  const call = take({ maxRecords: 8, maxWaitMs: 0 }) as LaneCall
  t.strictSame(call.entries, [])
  plain.intoLane()
  t.strictSame([plain.out, line.lane.out], [0, 8])
  t.strictSame(
    call.entries.map(({ offset, key, stage, deliveryAttempt }) => [offset, key, stage, deliveryAttempt]),
    [0, 1, 2, 3, 4, 5, 6, 7].map(n => [n, `k${n % 3}`, 'out', 1]),
  )
  t.ok(call.deliveries.every((each, n) => SettleableDelivery.entryOf(each as SettleableDelivery) === call.entries[n]))
  for (const entry of call.entries) line.settle(entry)
  plain.settle()
  t.ok(line.commit())
  t.equal(source.committed, 8)
})

t.test('a delivery that is settled by itself takes its batch into the lane', async t => {
  const { line, take } = batchOver(4)
  const call = take(NO_WAIT) as LaneCall
  const [first, second] = call.deliveries as readonly SettleableDelivery[]
  t.doesNotThrow(() => {
    second?.ack()
    first?.release()
  })
  t.strictSame(
    call.entries.map(({ stage }) => stage),
    ['waiting', 'settled', 'out', 'out'],
  )
  t.equal(line.lane.prefix, 0)
})

t.test('no more go out than the intake keeps account of, and what is settled makes room first', async t => {
  const { source, line, plain, take } = batchOver(200)
  const large = { maxRecords: 50, maxWaitMs: 0 }
  t.equal(take(large)?.deliveries.length, 50)
  plain.settle()
  source.known.clear()
  t.equal(take(large)?.deliveries.length, 50)
  t.equal(source.committed, 50)
  plain.settle()
  line.commit()
  source.known.clear()
  t.equal(take({ maxRecords: 100, maxWaitMs: 0 })?.deliveries.length, 64)
})
