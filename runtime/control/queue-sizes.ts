/**
 * How much shared memory queues and their consumers get: more while there is plenty of it.
 *
 * Leaf, the control thread. A queue in a small window has its sender, its host and its consumers take turns: each sleeps until the next
 * one has done a little. In one of WINDOW_BYTES a message takes three quarters of the processor time, and twice as many go through.
 * Later ones get what they asked for, so that many fit.
 */
import { DELIVERY_RING_BYTES, DELIVERY_RING_BYTES_WIDE } from '../wire/delivery-places.ts'
import type { QueueSettings } from '../wire/queue-calls.ts'

/** As much as a topic has for each partition, if nothing is said. */
const WINDOW_BYTES = 2_097_152
const AMPLE = 1 / 8
const SHARE = 1 / 16
/** Of the ring of a consumer that has few deliveries at a time. */
const SMALL_RING_BYTES = 8_192
const FEW = 16

/** All of the broker's shared memory, and what of it is taken. */
export interface Taken {
  readonly totalBytes: number
  readonly usedBytes: number
}

/** Bytes of a queue's window. One with a bound has what that needs, and others a small part of what is left of AMPLE of the memory. */
export function queueWindow({ windowBytes, shape }: QueueSettings, { totalBytes, usedBytes }: Taken): number {
  if (shape.maxBytes !== Number.POSITIVE_INFINITY || shape.maxMessages !== Number.POSITIVE_INFINITY) return windowBytes
  const most = (totalBytes * AMPLE - usedBytes) * SHARE
  let bytes = windowBytes
  while (2 * bytes <= Math.min(most, WINDOW_BYTES)) bytes *= 2
  return bytes
}

/** Bytes of the ring of deliveries of a consumer that has so many at a time, at most. */
export function deliveryRing(prefetch: number, isAmple: boolean): number {
  if (prefetch <= FEW) return SMALL_RING_BYTES
  return isAmple ? DELIVERY_RING_BYTES_WIDE : DELIVERY_RING_BYTES
}
