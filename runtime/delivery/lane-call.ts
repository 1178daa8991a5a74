/** What one call of a handler has in hand when a partition may have several records out: one record, or a batch. */

import { RecordDelivery } from '../reader/delivery.ts'
import type { Entry } from './commit-line.ts'
import { SettleableDelivery, type Settler } from './manual-delivery.ts'

export interface LaneCall {
  /** In the lane; none: it is a plain batch (plain-batch.ts), of two records or more. */
  entries: readonly Entry[]
  readonly deliveries: readonly RecordDelivery[]
  /** Records whose handler has returned and that wait for their outputs. */
  handled: number
}

/** `settler`: of a batch, whose handler may settle single deliveries; null: the handler takes one record. */
export function laneCall(entries: readonly Entry[], settler: Settler | null): LaneCall {
  const deliveries = entries.map(entry => {
    const { payload, offset, deliveryAttempt, failedAttempts } = entry
    if (settler !== null) return new SettleableDelivery(settler, payload, deliveryAttempt, failedAttempts, entry)
    return new RecordDelivery(payload.frame, payload.at, offset, deliveryAttempt, failedAttempts)
  })
  return { entries, deliveries, handled: 0 }
}

/** Records of the call that are neither settled nor judged nor handed back. */
export function leftIn({ entries, deliveries }: LaneCall): Entry[] {
  return entries.filter(
    ({ stage }, index) => stage === 'out' && (deliveries[index] as { settled?: boolean }).settled !== true,
  )
}

/** Which of the records `left` in a call it failed of: the only one, or the one that does not decode; undefined: nobody knows. */
export function guiltyIn({ entries, deliveries }: LaneCall, left: readonly Entry[], error: unknown): Entry | undefined {
  if (left.length === 1) return left[0]
  const undecodable = deliveries.findIndex(
    delivery => delivery instanceof SettleableDelivery && delivery.undecodable === error && error !== null,
  )
  return left.find(entry => entry === entries[undecodable])
}

/** The only record that is out with a handler that has not returned; -1: there is none. */
export function aloneIn(calls: Iterable<{ readonly records: LaneCall }>): number {
  for (const { records } of calls)
    for (const { stage, offset } of records.entries) if (records.handled === 0 && stage === 'out') return offset
  return -1
}
