/**
 * What becomes ready by itself as time passes, and when there is something to do.
 *
 * The partition host's thread. Pure. A message that waited for a retry stands at its old place. One that was scheduled stands
 * behind all that are there when it falls due.
 *
 * Bound: DUE_MAX messages fall due in one call; those that wait for a retry are bounded themselves.
 */
import { READY } from './attempt-table.ts'
import { mayExpire } from './expiring.ts'
import type { QueueState } from './queue-state.ts'
import type { DueMessages } from './queue-words.ts'
import { DUE_MAX } from './schedule.ts'

export type DueView = { -readonly [K in keyof DueMessages]: DueMessages[K] }

export function emptyDue(): DueView {
  return { retried: 0, count: 0, offsets: new Float64Array(DUE_MAX), place: 0 }
}

/** Makes ready what is due, and notes what that was. */
export function due(state: QueueState, nowMs: number, view: DueView): void {
  view.retried = makeDue(state, nowMs)
  view.count = fallDue(state, nowMs, view.offsets)
  view.place = state.ready.end
}

/** A wait is over: what is due is ready, at its old place. How many were. */
function makeDue(state: QueueState, nowMs: number): number {
  const { attempts, retries } = state
  let count = 0
  for (; retries.dueMs <= nowMs; count++) {
    const entry = retries.first
    retries.remove(entry)
    attempts.states[entry] = READY
    const priority = attempts.priorities[entry] as number
    state.makeReady(attempts.offsets[entry] as number, priority, attempts.suspects[entry] === 1)
  }
  return count
}

/** Notes what was scheduled and is due in `offsets`, in its order; how many. Each is ready, at the end of the queue, or waits for its turn of its key. */
function fallDue(state: QueueState, nowMs: number, offsets: Float64Array): number {
  const { schedule, expiry, ready, log } = state
  const count = schedule.due(nowMs, offsets)
  for (let at = 0; at < count; at++) {
    const offset = offsets[at] as number
    state.countIn(log.bytesOf(offset))
    ready.fellDue(offset, ready.end)
    expiry.cameBack(offset)
    state.enter(offset, log.priorityOf(offset))
  }
  return count
}

/** When something is to be done; Infinity: never by itself. */
export function dueMsOf(state: QueueState): number {
  let dueMs = Math.min(state.retries.dueMs, state.schedule.dueMs)
  if (mayExpire(state)) dueMs = Math.min(dueMs, state.expiry.dueMs)
  for (const { claims } of state.consumers.all()) dueMs = Math.min(dueMs, claims.dueMs)
  const { rate, ready, suspects } = state
  // Nothing waits for a hand-out that may be later where there is nothing to hand out.
  if (rate?.left === 0 && (ready.first() !== -1 || suspects.first !== undefined)) dueMs = Math.min(dueMs, rate.nextMs)
  return dueMs
}
