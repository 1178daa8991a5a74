/** What becomes of a delivery while its consumer is getting it, and after: its record is in the lane only if it must be. */

import { Memory } from 'sharedarraybuffer-ring'
import t from 'tap'
import { until } from '../proof/fixtures/broker.fixture.ts'
import { ToyIntake, ToySource } from '../reader/toy-intake.fixture.ts'
import { Credits } from './credits.ts'
import type { SettleableDelivery } from './manual-delivery.ts'
import { ManualReader } from './manual-reader.ts'

const WINDOW = 8

/** A reader whose turns the test gives, and what its consumer has got. */
function readerOf(source: ToySource, get: (delivery: SettleableDelivery) => void, epoch = 1) {
  const thread = { memory: Memory.allocate(1 << 16), address: 0, phase: () => undefined, wake: () => undefined }
  const intake = new ToyIntake(source, epoch)
  const credits = new Credits(WINDOW)
  const got: string[] = []
  const reader = new ManualReader(thread, intake, credits, 'partition', delivery => {
    got.push(`${delivery.offset} attempt ${delivery.deliveryAttempt}`)
    get(delivery)
  })
  intake.hear = verdict => reader.verdict(verdict)
  let inLane = 0
  const { taken } = intake
  intake.taken = place => {
    inLane++
    return taken.call(intake, place)
  }
  const turn = (): boolean => reader.turn(Number.POSITIVE_INFINITY)
  return { reader, credits, got, turn, inLane: () => inLane }
}

function sourceOf(records: number): ToySource {
  const source = new ToySource()
  source.records = records
  return source
}

t.test('what is acked while its consumer gets it is committed by the same turn, and in no lane', async t => {
  const source = sourceOf(20)
  const { reader, credits, got, turn, inLane } = readerOf(source, delivery => {
    // Who comes next counts this hand-out, if the thread ends amid it.
    t.equal(source.knows(delivery.offset).deliveryAttempt, 1)
    t.notOk(source.knows(delivery.offset).settled)
    delivery.ack()
  })
  t.ok(turn())
  t.equal(source.committed, 20)
  t.equal(got.length, 20)
  t.equal(inLane(), 0)
  t.equal(credits.available, WINDOW)
  t.equal(credits.settled, 20)
  t.ok(source.knows(19).settled)
  reader.close()
})

t.test('what ends otherwise while its consumer gets it goes by the rules of the lane', async t => {
  const source = sourceOf(4)
  const ends = ['nack', 'release', 'reject', 'ack'] as const
  const { reader, credits, got, turn, inLane } = readerOf(source, delivery => {
    const { offset, deliveryAttempt } = delivery
    if (deliveryAttempt === 1) delivery[ends[offset] as 'ack']()
    else delivery.ack()
  })
  await until(() => {
    turn()
    return source.committed === 4
  })
  t.strictSame(got, ['0 attempt 1', '0 attempt 2', '1 attempt 1', '1 attempt 2', '2 attempt 1', '3 attempt 1'])
  t.strictSame(source.asked, ['0 failed 1', '2 rejected 1'])
  t.strictSame(source.asideFor, ['2 rejected'])
  t.equal(credits.available, WINDOW)
  t.ok(inLane() >= 3)
  reader.close()
})

t.test('what its consumer keeps is out until it settles it, and holds nothing back', async t => {
  const source = sourceOf(3)
  const kept: SettleableDelivery[] = []
  const { reader, credits, got, turn } = readerOf(source, delivery => {
    if (delivery.offset === 0) kept.push(delivery)
    else delivery.ack()
  })
  turn()
  t.equal(got.length, 3)
  t.equal(source.committed, 0)
  t.equal(credits.available, WINDOW - 1)
  kept[0]?.ack()
  t.throws(() => kept[0]?.ack(), { code: 'MILL_SETTLED' })
  turn()
  t.equal(source.committed, 3)
  reader.close()
})

t.test(
  'who comes next is handed what a consumer was getting when its reader closed, and whether it has seen it counts',
  async t => {
    for (const [unseen, next] of [
      [false, '1 attempt 2'],
      [true, '1 attempt 1'],
    ] as const) {
      const source = sourceOf(2)
      let late: SettleableDelivery | undefined
      const { reader, credits, turn } = readerOf(source, delivery => {
        if (delivery.offset === 0) delivery.ack()
        else {
          delivery.unseen = unseen
          late = delivery
          reader.close()
        }
      })
      turn()
      t.equal(source.committed, 1)
      t.equal(credits.available, WINDOW)
      t.throws(() => late?.ack(), { code: 'MILL_SETTLED' })
      t.equal(source.committed, 1)
      const second = readerOf(source, delivery => delivery.ack(), 2)
      second.turn()
      t.strictSame(second.got, [next])
      t.equal(source.committed, 2)
    }
  },
)

t.test('a consumer that throws while it gets a delivery has it in hand', async t => {
  const source = sourceOf(2)
  let first: SettleableDelivery | undefined
  const { reader, turn } = readerOf(source, delivery => {
    if (delivery.offset > 0) return delivery.ack()
    first = delivery
    throw new Error('its own')
  })
  t.throws(turn, { message: 'its own' })
  turn()
  t.equal(source.committed, 0)
  first?.ack()
  turn()
  t.equal(source.committed, 2)
  reader.close()
})

t.test('a delivery is withdrawn that its consumer was getting: it was no hand-out', async t => {
  const source = sourceOf(1)
  let isFirst = true
  const { reader, got, turn } = readerOf(source, delivery => {
    if (!isFirst) return delivery.ack()
    isFirst = false
    delivery.withdraw()
  })
  turn()
  turn()
  t.strictSame(got, ['0 attempt 1', '0 attempt 1'])
  t.equal(source.committed, 1)
  reader.close()
})
