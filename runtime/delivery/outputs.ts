/** What a handler's return value puts out: one message under its input's key, or one for each delivery of a batch. Leaf. */

import type { RecordDelivery } from '../reader/delivery.ts'
import type { Key } from '../words/message.ts'

export interface OutputMessage {
  readonly key: Key | null
  readonly value: unknown
}

/** @throws TypeError when a batch handler returned something else than one value for each delivery */
export function outputsOf(
  deliveries: readonly RecordDelivery[],
  returned: unknown,
  batches: boolean,
): readonly OutputMessage[] {
  const values: readonly unknown[] = batches ? (returned as readonly unknown[]) : [returned]
  if (!Array.isArray(values) || values.length !== deliveries.length) {
    throw new TypeError(
      `a batch handler with an output returns an array with one value for each of its ${deliveries.length} deliveries (undefined: none), or nothing`,
    )
  }
  return deliveries.flatMap(({ rawKey: key }, index) =>
    values[index] === undefined ? [] : [{ key, value: values[index] }],
  )
}
