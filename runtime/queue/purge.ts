/**
 * All that waits in a queue is taken back at once: what is ready and what waits for a retry, not what is out or dies.
 *
 * The partition host's thread. Pure. It costs what is left, not what is taken: everything between two messages that stay
 * is settled as one range.
 */
import type { QueueState } from './queue-state.ts'

/** How many messages were taken back. */
export function purge(state: QueueState): number {
  const { attempts, consumers, keys, letters, log, ready, retries, settled, suspects } = state
  const count = ready.size + suspects.size + retries.size + (keys?.size ?? 0)
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
  ready.clear(stay)
  suspects.clear()
  retries.clear()
  keys?.clear()
  for (const { claims } of keys === null ? [] : consumers.all())
    for (const slot of claims.slots()) keys?.hold(claims.keys[slot] as number, claims.offsets[slot] as number)
  let from = settled.floor
  for (const offset of stay.sort((a, b) => a - b)) {
    settled.addRange(from, offset)
    from = offset + 1
  }
  settled.addRange(from, ready.end)
  state.totals.purged += count
  state.messages -= count
  state.bytes = bytes
  return count
}
