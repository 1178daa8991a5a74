/**
 * What waits in a queue is taken back, one message or some at a time: what is ready,
 * scheduled or waits for a retry, not what is out or dies.
 *
 * The partition host's thread. Pure. What is settled already costs nothing: its record may be gone, and is not read.
 */
import type { QueueState } from './queue-state.ts'

/** Messages of a queue that are taken back together. */
export interface Purge {
  /** First offset. */
  readonly from: number
  /** Those below it. */
  readonly to: number
  /** Messages that are looked at. */
  readonly most: number
}

/** Takes back one message; whether it waited. */
export function cancel(state: QueueState, offset: number): boolean {
  const { attempts, log, ready, settled } = state
  if (!(offset < ready.end) || settled.has(offset)) return false
  const entry = attempts.find(offset)
  if (!state.takeWaiting(offset, entry)) return false
  state.settle(offset, log.bytesOf(offset), entry, 'cancelled')
  return true
}

/** Takes back what waits, and tells of each. Where to go on; null: there is no more. */
export function purge(state: QueueState, { from, to, most }: Purge, gone: (offset: number) => void): number | null {
  const { attempts, log, ready, settled } = state
  const end = Math.min(to, ready.end)
  let offset = settled.next(from)
  for (let looked = 0; offset < end; looked++) {
    if (looked === most) return offset
    const entry = attempts.find(offset)
    if (state.takeWaiting(offset, entry)) {
      state.settle(offset, log.bytesOf(offset), entry, 'purged')
      gone(offset)
    }
    offset = settled.next(offset + 1)
  }
  return null
}
