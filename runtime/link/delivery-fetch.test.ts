/** The messages of a fetch, from deliveries that are written by hand. */
import t from 'tap'
import { deliveriesOf } from './delivery-fetch.fixture.ts'
import { DeliveryFetch } from './delivery-fetch.ts'
import {
  DELIVERY_ATTEMPT,
  DELIVERY_BYTES,
  DELIVERY_COHORT,
  DELIVERY_EPOCH,
  DELIVERY_FAILURES,
  DELIVERY_OFFSET,
  DELIVERY_RUN,
  DELIVERY_SUSPECT,
  DELIVERY_TAG,
  DELIVERY_TIMESTAMP,
} from './delivery-writer.ts'

const EPOCH = 3

interface Written {
  readonly tag: number
  readonly epoch?: number
  readonly offset?: number
  readonly failures?: number
  readonly cohort?: number
  readonly timestamp?: number
  /** Bytes of each record behind the head, and its offsetDelta. */
  readonly records: readonly (readonly [bytes: number, delta: number])[]
}

function delivery({
  tag,
  epoch = EPOCH,
  offset = 0,
  failures = 0,
  cohort = 0,
  timestamp = 0,
  records,
}: Written): Buffer {
  const padded = (bytes: number): number => (bytes + 7) & ~7
  const bytes = Buffer.alloc(DELIVERY_BYTES + records.reduce((sum, [length]) => sum + padded(length), 0))
  bytes.writeInt32LE(bytes.length, 0)
  bytes.writeInt32LE(tag, DELIVERY_TAG)
  bytes.writeInt32LE(epoch, DELIVERY_EPOCH)
  bytes.writeInt32LE(1, DELIVERY_ATTEMPT)
  bytes.writeBigInt64LE(BigInt(offset), DELIVERY_OFFSET)
  bytes.writeInt32LE(failures, DELIVERY_FAILURES)
  bytes.writeInt32LE(cohort, DELIVERY_COHORT)
  bytes.writeDoubleLE(timestamp, DELIVERY_TIMESTAMP)
  let at = DELIVERY_BYTES
  for (const [length, delta] of records) {
    bytes.writeUInt32LE(length, at)
    bytes.writeInt32LE(delta | (0x41 << 16), at + 4)
    at += padded(length)
  }
  return bytes
}

t.test('a run is its messages one by one: tags in a row, offsets of one frame, each with its record', async t => {
  const offset = 2 ** 40
  const run: Written = {
    tag: 7,
    offset,
    failures: DELIVERY_RUN,
    cohort: 3,
    timestamp: 1.5e12,
    records: [
      [20, 4],
      [16, 5],
      [33, 0xffff],
    ],
  }
  const single: Written = { tag: 10, offset: 9, failures: DELIVERY_SUSPECT | (2 << 8), cohort: -8, records: [[16, 1]] }
  const fetch = new DeliveryFetch(Buffer.concat([delivery(run), delivery(single)]), 4, EPOCH)
  const same = { deliveryAttempt: 1, failedAttempts: 0, flags: 0, cohort: 0, timestamp: 1.5e12 }
  t.strictSame(deliveriesOf(fetch), [
    { tag: 7, offset: offset + 4, ...same, start: 40, end: 60 },
    { tag: 8, offset: offset + 5, ...same, start: 64, end: 80 },
    { tag: 9, offset: offset + 0xffff, ...same, start: 80, end: 113 },
    {
      tag: 10,
      offset: 9,
      deliveryAttempt: 1,
      failedAttempts: 2,
      flags: DELIVERY_SUSPECT,
      cohort: -8,
      timestamp: 0,
      start: 160,
      end: 176,
    },
  ])
})

t.test('what is for another incarnation is passed over, a run as well', async t => {
  const run: Written = {
    tag: 1,
    epoch: 2,
    failures: DELIVERY_RUN,
    cohort: 2,
    records: [
      [16, 0],
      [16, 1],
    ],
  }
  const all = [run, { tag: 3, epoch: 4, records: [] }, { tag: 4, offset: 5, records: [] }, run, { tag: 6, records: [] }]
  const fetch = new DeliveryFetch(Buffer.concat(all.map(delivery)), 2, EPOCH)
  t.strictSame(
    deliveriesOf(fetch).map(({ tag }) => tag),
    [4, 6],
  )
})
