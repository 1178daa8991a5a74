/**
 * How far the log of a partition may be read, as its host tells readers on all threads.
 *
 * Two words (layout.ts), of which HIGH alone would do for who looks often: a reader that stands still while 2^31 records are
 * appended would take what is ahead of it for behind. LAPS counts the multiples of 2^30 that were passed. It is stored last
 * and loaded first, so that HIGH is ahead of it by less than four laps, and its two topmost bits say by how many. Should a
 * reader's thread be held between its two loads for longer than that, it finds an offset that was passed, and looks again.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import { PARTITION_HIGH, PARTITION_LAPS } from '../../wire/layout.ts'

const LAP_SHIFT = 30
const LAP_RECORDS: number = 2 ** LAP_SHIFT

/** Tells readers, of the partition whose words are at this address. The partition host's thread; never an offset before. */
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
