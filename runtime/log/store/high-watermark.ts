/**
 * The end of a partition's readable log, as its host stores it for readers on all threads.
 *
 * Two words (layout.ts). HIGH alone would suffice for a reader that looks often. A reader that stands still while 2^31
 * records are appended would take an offset ahead of it for one behind. LAPS counts the multiples of 2^30 that were
 * passed. It is stored last and loaded first, so HIGH is ahead of it by less than four laps, and its two topmost bits
 * say by how many. If a reader's thread is held between its two loads for longer than that, it finds an offset that was
 * passed, and looks again.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import { PARTITION_HIGH, PARTITION_LAPS } from '../../wire/layout.ts'

const LAP_SHIFT = 30
const LAP_RECORDS: number = 2 ** LAP_SHIFT

/**
 * Stores the offset for the readers of the partition whose words are at this address. The partition host's thread; the
 * offset never goes back.
 */
export function storeHighWatermark(memory: Memory, address: number, offset: number): void {
  memory.store(address + PARTITION_HIGH, offset | 0)
  memory.store(address + PARTITION_LAPS, Math.floor(offset / LAP_RECORDS) | 0)
}

/** The first offset that may not be read yet. Any thread. */
export function loadHighWatermark(memory: Memory, address: number): number {
  const laps = memory.load(address + PARTITION_LAPS) >>> 0
  const high = memory.load(address + PARTITION_HIGH)
  const passed = ((high >>> LAP_SHIFT) - laps) & 3
  return (laps + passed) * LAP_RECORDS + (high & (LAP_RECORDS - 1))
}
