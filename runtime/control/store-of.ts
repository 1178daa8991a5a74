/** Where partition hosts keep what is on disk, as the broker was started. The control thread. */
import type { ControlBoot } from '../wire/control-calls.ts'
import type { StorePlace } from '../wire/places.ts'
import type { BrokerDirectory } from './broker-directory.ts'

/** Null: nothing is on disk. */
export function storeOf(
  { held, journalBytes, settledCompactBytes, queueScanBytes, modes }: ControlBoot,
  directory: BrokerDirectory | null,
): StorePlace | null {
  if (directory === null) return null
  const { dir, logId } = directory
  return { dir, held, logId, journalBytes, settledCompactBytes, queueScanBytes, modes }
}
