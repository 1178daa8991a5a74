/**
 * Which record a thread that ended was handling, as far as its words in shared memory tell.
 *
 * The control thread; pure. The thread writes the words, and has ended or is being asked about.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import { SLOT_ACTIVE, SLOT_COMMITTED, SLOT_HANDLED, SLOT_RETURNED, SLOT_SINCE, THREAD_RUNNING } from '../wire/layout.ts'
import type { SlotPlace } from '../wire/places.ts'
import type { ThreadEntry } from './catalog-entries.ts'

/** The slot whose delivery was being handled: the one on the stack, else the only one with a pending promise; 0: none. */
export function executingSlot({ i32 }: Memory, { place, slots }: ThreadEntry): number {
  const running = i32[(place.address + THREAD_RUNNING) >> 2] as number
  // Of several records in one call none can be told from the others.
  if (running !== 0) return Math.max(0, running)
  const active = slots.filter(slot => (i32[(slot + SLOT_ACTIVE) >> 2] as number) > 0)
  const [slot = 0] = active
  return active.length === 1 && i32[(slot + SLOT_ACTIVE) >> 2] === 1 ? slot : 0
}

/** Members of the thread with a record that may have ended it, the latest first. `held`: the slots of its group. */
export function pendingMembers(
  memory: Memory,
  { place: { thread, address } }: ThreadEntry,
  held: Iterable<SlotPlace>,
  atMostOnce: boolean,
): number[] {
  const { i32 } = memory
  const running = i32[(address + THREAD_RUNNING) >> 2] as number
  const since = ({ slot }: SlotPlace): number => i32[(slot + SLOT_SINCE) >> 2] as number
  return [...held]
    .filter(place => {
      const { slot } = place
      if (place.thread !== thread) return false
      return slot === -running || (i32[(slot + SLOT_ACTIVE) >> 2] as number) > 0 || waits(memory, place, atMostOnce)
    })
    .sort((a, b) => (since(b) - since(a)) | 0)
    .map(({ cursor }) => cursor)
}

/** Whether records of it are handled and not settled: their outputs, or a snapshot, are on their way. */
function waits({ i32 }: Memory, { slot, confirms }: SlotPlace, atMostOnce: boolean): boolean {
  if ((i32[(slot + SLOT_HANDLED) >> 2] as number) > 0) return true
  if (!confirms || atMostOnce) return false
  return i32[(slot + SLOT_RETURNED) >> 2] !== i32[(slot + SLOT_COMMITTED) >> 2]
}
