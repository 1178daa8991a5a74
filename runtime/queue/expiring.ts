/**
 * Messages die of their time: when it has come, and when they come back after it.
 *
 * The partition host's thread. Pure. What is out when it expires may still be acked; if it comes back it dies with the next call. It is
 * a dead letter then, or counted where there is no place for dead letters.
 *
 * Bound: EXPIRED_MAX die in one call, and none while `heldMax` wait for their dead letters: the rest is due at once.
 */
import { DYING } from './attempt-table.ts'
import type { QueueState } from './queue-state.ts'
import type { QueueEffect } from './queue-words.ts'

/** Messages that die in one call, of those whose time has come, and again of those that stand first. */
const EXPIRED_MAX = 1_024

/** Whether messages may die of their time now. */
export function mayExpire({ expiry, policy, letters }: QueueState): boolean {
  return expiry.any && (!policy.hasDeadLetters || letters.size < policy.heldMax)
}

const scratch: Float64Array = new Float64Array(EXPIRED_MAX)

/** Messages whose time has come and that are not out die. */
export function expire(state: QueueState, nowMs: number): QueueEffect[] {
  const { expiry, ready, suspects, settled, schedule } = state
  const effects: QueueEffect[] = []
  if (!expiry.any) return effects
  expiry.tend(state.messages + schedule.size, offset => !settled.has(offset))
  if (!mayExpire(state)) return effects
  const count = expiry.due(nowMs, scratch)
  for (let at = 0; at < count; at++) {
    const effect = expireOne(state, scratch[at] as number)
    if (effect !== null) effects.push(effect)
  }
  // While more have expired than die in a call, those that stand first keep all others from going.
  for (let left = EXPIRED_MAX; left > 0; left--) {
    const offset = [suspects.first?.offset ?? -1, ready.first()].find(
      first => first !== -1 && expiry.isOver(first, nowMs),
    )
    if (offset === undefined) break
    const effect = expireOne(state, offset)
    if (effect !== null) effects.push(effect)
  }
  return effects
}

function expireOne(state: QueueState, offset: number): QueueEffect | null {
  if (state.settled.has(offset) || state.schedule.has(offset)) return null
  const entry = state.attempts.find(offset)
  if (!state.takeWaiting(offset, entry)) return null
  return dies(state, offset, entry)
}

/** A message that waits nowhere any more has expired. */
export function dies(state: QueueState, offset: number, entry: number): QueueEffect {
  const { attempts, letters, log, policy } = state
  if (!policy.hasDeadLetters) {
    state.settle(offset, log.bytesOf(offset), entry, 'expired')
    return { kind: 'expired', offset }
  }
  const known = entry === -1 ? attempts.add(offset, log.priorityOf(offset)) : entry
  attempts.states[known] = DYING
  attempts.reasons[known] = 'expired'
  letters.add(known)
  return { kind: 'dying', offset, failedAttempts: attempts.failures[known] as number, reason: 'expired' }
}
