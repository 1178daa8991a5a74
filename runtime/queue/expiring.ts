/**
 * Messages die of their time: when it has come, and when they come back after it.
 *
 * The partition host's thread. Pure. What is out when it expires may still be acked; if it comes back it dies with the next call. It is
 * a dead letter then, or counted where there is no place for dead letters, or its sender knows.
 *
 * Bound: EXPIRED_MAX die in one call, and none while `heldMax` wait for their dead letters: the rest is due at once.
 */
import { DYING } from './attempt-table.ts'
import type { QueueState } from './queue-state.ts'
import type { OverdueMessage, QueueEffect } from './queue-words.ts'

/** Messages that die in one call, of those whose time has come, and again of those that stand first. */
const EXPIRED_MAX = 1_024

/** Whether messages may die of their time now. */
export function mayExpire({ expiry, policy, letters }: QueueState): boolean {
  return expiry.any && (!policy.hasDeadLetters || letters.size < policy.heldMax)
}

const NOTHING: readonly QueueEffect[] = []
const scratch: Float64Array = new Float64Array(EXPIRED_MAX)

/** Messages whose time has come die, but for those that are out, which are noted in `overdue`, each once. */
export function expire(state: QueueState, nowMs: number, overdue: OverdueMessage[]): readonly QueueEffect[] {
  const { expiry, ready, suspects, settled, schedule } = state
  if (overdue.length > 0) overdue.length = 0
  if (!expiry.any) return NOTHING
  expiry.tend(state.messages + schedule.size, offset => !settled.has(offset))
  if (!mayExpire(state)) return NOTHING
  const effects: QueueEffect[] = []
  const out = new Set<number>()
  const count = expiry.due(nowMs, scratch)
  for (let at = 0; at < count; at++) expireOne(state, scratch[at] as number, effects, out)
  // While more have expired than die in a call, those that stand first keep all others from going.
  for (let left = EXPIRED_MAX; left > 0; left--) {
    const first = [suspects.first?.offset ?? -1, ready.first()].find(
      offset => offset !== -1 && expiry.isOver(offset, nowMs),
    )
    if (first === undefined) break
    expireOne(state, first, effects, out)
  }
  if (out.size > 0) findOut(state, out, overdue)
  return effects
}

function expireOne(state: QueueState, offset: number, effects: QueueEffect[], out: Set<number>): void {
  const { attempts, settled, schedule } = state
  if (settled.has(offset) || schedule.has(offset)) return
  const entry = attempts.find(offset)
  if (state.takeWaiting(offset, entry)) effects.push(dies(state, offset, entry))
  else if (entry === -1 || attempts.states[entry] !== DYING) out.add(offset)
}

/** Who has these messages. It looks through all that is out, once for all of them. */
function findOut({ consumers }: QueueState, out: ReadonlySet<number>, overdue: OverdueMessage[]): void {
  for (const { number: consumer, claims } of consumers.all())
    for (const slot of claims.slots()) {
      const offset = claims.offsets[slot] as number
      if (out.has(offset)) overdue.push({ offset, consumer, slot, tag: claims.tags[slot] as number })
    }
}

/** A message that waits nowhere any more has expired. */
export function dies(state: QueueState, offset: number, entry: number): QueueEffect {
  const { attempts, letters, log, policy } = state
  if (!policy.hasDeadLetters || log.endsQuietly?.(offset) === true) {
    const failedAttempts = entry === -1 ? 0 : (attempts.failures[entry] as number)
    state.settle(offset, log.bytesOf(offset), entry, 'expired')
    return { kind: 'expired', offset, failedAttempts }
  }
  const known = entry === -1 ? attempts.add(offset, log.priorityOf(offset)) : entry
  attempts.states[known] = DYING
  attempts.reasons[known] = 'expired'
  letters.add(known)
  return { kind: 'dying', offset, failedAttempts: attempts.failures[known] as number, reason: 'expired' }
}
