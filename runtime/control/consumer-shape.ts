/** How much a queue's consumer gets in shared memory. Pure, the control thread. */
import { claimEntries } from '../wire/delivery-places.ts'
import type { ConsumerShape } from '../wire/queue-places.ts'
import type { CursorId } from '../words/quantities.ts'
import { PREFETCH_MAX } from '../words/queue-bounds.ts'
import type { MemberHandle } from './member-handle.ts'

/** What a consumer asked for, and where it is. */
export type ConsumerWants = Pick<MemberHandle, 'thread' | 'confirms' | 'prefetch' | 'consumerPriority'>

/** A consumer empties its ring at once, so that it need not hold all that is out. */
const RING_BYTES = 32_768
/** Of one that has few deliveries at a time. */
const SMALL_RING_BYTES = 8_192
const FEW = 16

/** `prefetch` null: the consumer learns how many it needs. */
export function consumerShape(queue: CursorId, prefetch: number | null, priority: number): ConsumerShape {
  const most = prefetch ?? PREFETCH_MAX
  return {
    queue,
    entries: claimEntries(most),
    ringCapacity: most <= FEW ? SMALL_RING_BYTES : RING_BYTES,
    priority,
    prefetch: most,
  }
}
