/**
 * Where a consumer's hand-outs of a queue are in shared memory, and how large. Any thread.
 *
 * One slot for each consumer and queue, for one incarnation of the consumer's thread: its claims (ClaimSender, ClaimReceiver of the
 * ring's package) and a ring of deliveries (link/delivery-writer.ts). It is abandoned while that thread may live, and used again after.
 */
import { claimsBytes, ringBytes } from 'sharedarraybuffer-ring'
import type { Epoch } from '../words/quantities.ts'
import type { RingAt } from './link-places.ts'

/** Of the ring of a busy consumer, which empties it at once, so that it need not hold all that is out. */
export const DELIVERY_RING_BYTES = 65_536
/** The same while there is plenty of memory: for all that it may have of small messages. */
export const DELIVERY_RING_BYTES_WIDE = 131_072
/** Of the ring of a consumer of one of many queues. A larger record than a quarter of a ring comes in pieces. */
export const DELIVERY_RING_BYTES_MIN = 4_096
/** A consumer's claims have at most so many entries. */
export const CLAIM_ENTRIES_MAX = 1_024
const CLAIM_ENTRIES_MIN = 16

export interface DeliveryPlace {
  readonly epoch: Epoch
  /** Address of its claims. */
  readonly claims: number
  readonly entries: number
  readonly ring: RingAt
}

/**
 * Entries for a consumer that has so many unsettled deliveries at most. Twice as many, because one that was recalled keeps its
 * entry until the consumer has come past it.
 */
export function claimEntries(prefetch: number): number {
  let entries = CLAIM_ENTRIES_MIN
  while (entries < 2 * prefetch && entries < CLAIM_ENTRIES_MAX) entries *= 2
  return entries
}

/** Shared bytes of a slot. */
export function deliverySlotBytes(entries: number, ringCapacity: number): number {
  return claimsBytes(entries) + ringBytes(ringCapacity)
}

/** Parts of the slot at this address. */
export function deliveryPlace(epoch: Epoch, address: number, entries: number, ringCapacity: number): DeliveryPlace {
  const ring = { address: address + claimsBytes(entries), capacity: ringCapacity }
  return { epoch, claims: address, entries, ring }
}
