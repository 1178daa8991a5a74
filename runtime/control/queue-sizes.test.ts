/** Sizes of queues' memory, while there is plenty of it and later. */
import t from 'tap'
import { DELIVERY_RING_BYTES, DELIVERY_RING_BYTES_WIDE } from '../wire/delivery-places.ts'
import type { QueueSettings } from '../wire/queue-calls.ts'
import { deliveryRing, queueWindow } from './queue-sizes.ts'

const MIB = 1_048_576

const TOTAL = 512 * MIB

function windowOf(windowBytes: number, usedBytes: number, shape: Partial<QueueSettings['shape']> = {}): number {
  const unbounded = { maxBytes: Number.POSITIVE_INFINITY, maxMessages: Number.POSITIVE_INFINITY }
  const settings = { windowBytes, shape: { ...unbounded, ...shape } } as QueueSettings
  return queueWindow(settings, { totalBytes: TOTAL, usedBytes })
}

t.test('a queue without a bound has a larger window while little memory is taken', async t => {
  t.equal(windowOf(MIB / 2, 0), 2 * MIB)
  t.equal(windowOf(MIB / 2, 32 * MIB), 2 * MIB)
  t.equal(windowOf(MIB / 2, 33 * MIB), MIB)
  t.equal(windowOf(MIB / 2, 49 * MIB), MIB / 2)
  t.equal(windowOf(MIB / 2, TOTAL), MIB / 2)
  t.equal(windowOf(4 * MIB, 0), 4 * MIB, 'its messages are large')
  t.equal(windowOf(MIB / 2, 0, { maxBytes: MIB / 4 }), MIB / 2, 'it cannot fill more')
  t.equal(windowOf(MIB / 2, 0, { maxMessages: 50 }), MIB / 2)
})

t.test('so has a consumer, unless it has few messages at a time', async t => {
  t.equal(deliveryRing(1_000, true), DELIVERY_RING_BYTES_WIDE)
  t.equal(deliveryRing(1_000, false), DELIVERY_RING_BYTES)
  t.equal(deliveryRing(16, true), deliveryRing(16, false))
  t.ok(deliveryRing(16, true) < deliveryRing(17, false))
})
