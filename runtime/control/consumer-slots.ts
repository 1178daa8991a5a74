/** The slots of queues' consumers: how much shared memory each gets, and where. The control thread; the catalog has them. */
import { claimEntries } from '../wire/delivery-places.ts'
import type { GroupPlace, SlotPlace } from '../wire/places.ts'
import { type ConsumerShape, consumerSlotBytes } from '../wire/queue-places.ts'
import type { CursorId } from '../words/quantities.ts'
import { PREFETCH_MAX } from '../words/queue-bounds.ts'
import type { Catalog } from './catalog.ts'
import type { GroupEntry } from './catalog-entries.ts'
import type { MemberHandle } from './member-handle.ts'
import { deliveryRing } from './queue-sizes.ts'

/** What a consumer asked for, and where it is. */
type ConsumerWants = Pick<MemberHandle, 'thread' | 'confirms' | 'prefetch' | 'consumerPriority'>

/** `prefetch` null: the consumer learns how many it needs. */
function consumerShape(queue: CursorId, prefetch: number | null, priority: number, isAmple: boolean): ConsumerShape {
  const most = prefetch ?? PREFETCH_MAX
  return {
    queue,
    entries: claimEntries(most),
    ringCapacity: deliveryRing(most, isAmple),
    priority,
    prefetch: most,
  }
}

/** A slot for a consumer, which has a number of its own; it is freed as one of `Catalog.addSlot`. @throws MillraceError MILL_MEMORY */
export function addConsumer(
  catalog: Pick<Catalog, 'shared' | 'nextId' | 'nextPassingId'>,
  group: Pick<GroupEntry, 'spec' | 'places' | 'slots'>,
  { thread, confirms, prefetch, consumerPriority }: ConsumerWants,
): SlotPlace {
  const { cursor: queue, topicName } = group.places[0] as GroupPlace
  const consumer = consumerShape(queue, prefetch, consumerPriority, catalog.shared.isAmple)
  const slot = catalog.shared.allocate(consumerSlotBytes(consumer), `a consumer of queue ${topicName}`)
  thread.slots.push(slot)
  thread.reads.add(group.spec.topic)
  // Of a number of its own among those of groups, some of which a folder has.
  const cursor = catalog.nextPassingId()
  const place = { cursor, epoch: catalog.nextId(), slot, thread: thread.place.thread, confirms, consumer }
  group.slots.set(cursor, place)
  return place
}
