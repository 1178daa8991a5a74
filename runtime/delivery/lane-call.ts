/** A call of a handler that several records are in hand for: what a lane executor keeps of it. Types only. */

import type { RecordDelivery } from '../reader/delivery.ts'
import type { DeliveryContext } from './delivery-context.ts'
import type { LaneEntry } from './lane.ts'
import type { RecordRef } from './manual-delivery.ts'

export type Entry = LaneEntry<RecordRef>

/** One call of the handler, for one record or for a batch. */
export interface Call {
  readonly entries: readonly Entry[]
  readonly deliveries: readonly RecordDelivery[]
  readonly context: DeliveryContext
  timer: NodeJS.Timeout | null
  /** When its time is over. */
  dueMs: number
  /** Records whose handler has returned and that wait for their outputs. */
  handled: number
  over: boolean
}
