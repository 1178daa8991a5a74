/**
 * All that waits in a queue is taken back at once: what is ready, scheduled or waits for a retry, not what is out or dies.
 *
 * The partition host's thread. Pure. It costs what is left, not what is taken: everything between two messages that stay
 * is settled as one range.
 */
import type { QueueState } from './queue-state.ts'

/** One message; whether it waited. */
export function cancel(state: QueueState, offset: number): boolean {
  const entry = state.attempts.find(offset)
  if (!(offset >= state.settled.floor && offset < state.ready.end) || !state.takeWaiting(offset, entry)) return false
  state.settle(offset, state.log.bytesOf(offset), entry, 'cancelled')
  return true
}

/** How many messages were taken back. */
export function purge(state: QueueState): number {
  const { attempts, consumers, letters, log, ready, retries, schedule, settled, suspects } = state
  const counted = ready.size + suspects.size + retries.size
  const count = counted + schedule.size
  const stay: number[] = []
  let bytes = 0
  for (const { claims, heldBytes } of consumers.all()) {
    for (const slot of claims.slots()) stay.push(claims.offsets[slot] as number)
    bytes += heldBytes
  }
  for (const entry of letters.entries()) {
    const offset = attempts.offsets[entry] as number
    stay.push(offset)
    bytes += log.bytesOf(offset)
  }
  const staying = new Set(stay)
  for (const entry of [...attempts.entries()])
    if (!staying.has(attempts.offsets[entry] as number)) attempts.remove(entry)
  for (const { offset } of ready.dueFacts()) if (!staying.has(offset)) ready.left(offset)
  ready.clear()
  schedule.clear()
  suspects.clear()
  retries.clear()
  let from = settled.floor
  for (const offset of stay.sort((a, b) => a - b)) {
    settled.addRange(from, offset)
    from = offset + 1
  }
  settled.addRange(from, ready.end)
  state.totals.purged += count
  state.messages -= counted
  state.bytes = bytes
  return count
}
