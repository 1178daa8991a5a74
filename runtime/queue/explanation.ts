/**
 * Where a message is and why, and how many are where. The partition host's thread. Pure, and for people: it looks through
 * what is held, so that nothing has to be kept for it.
 */
import { DYING, READY, RETRYING } from './attempt-table.ts'
import { BEGUN, SUSPECT } from './claims.ts'
import { holdOf } from './hand-outs.ts'
import type { QueueState } from './queue-state.ts'
import type { LetterReason, QueueAttempt, QueueCounters, QueueExplanation } from './queue-words.ts'

export function explain(state: QueueState, offset: number): QueueExplanation {
  const { attempts, ready, settled, suspects } = state
  if (!(offset >= 0 && offset < ready.end)) return { state: 'unknown' }
  if (settled.has(offset)) return { state: 'settled' }
  const entry = attempts.find(offset)
  const known = {
    handOuts: entry === -1 ? 0 : (attempts.handOuts[entry] as number),
    failedAttempts: entry === -1 ? 0 : (attempts.failures[entry] as number),
  }
  const stage = entry === -1 ? READY : attempts.states[entry]
  if (stage === RETRYING) return { state: 'retrying', dueMs: attempts.dueMs[entry] as number, ...known }
  if (stage === DYING) return { state: 'dying', reason: attempts.reasons[entry] as LetterReason, ...known }
  const priority = state.log.priorityOf(offset)
  const ahead = (): number => {
    const place = ready.placeOf(offset)
    return ready.ahead(place, priority) + suspects.ahead(place, priority)
  }
  if (state.keys?.has(offset)) {
    const key = state.log.keyOf(offset)
    return { state: 'ready', ahead: ahead(), blockedBy: { key, behind: state.keys.latestOf(key) }, ...known }
  }
  const suspect = suspects.has(offset)
  if (suspect || ready.has(offset, priority)) {
    return { state: 'ready', ahead: ahead(), blockedBy: holdOf(state, offset, suspect), ...known }
  }
  for (const { number, claims } of state.consumers.all())
    for (const slot of claims.slots()) {
      if (claims.offsets[slot] !== offset) continue
      const flags = claims.flags[slot] as number
      return {
        state: 'unacked',
        consumer: number,
        begun: (flags & BEGUN) !== 0,
        suspect: (flags & SUSPECT) !== 0,
        handOuts: claims.handOuts[slot] as number,
        failedAttempts: known.failedAttempts,
      }
    }
  throw new Error(`message ${offset} is nowhere`)
}

export function countersOf(state: QueueState): QueueCounters {
  const { policy, ready, suspects, keys, letters, retries, totals } = state
  const readyByPriority: number[] = []
  for (let priority = 0; priority < policy.priorities; priority++)
    readyByPriority.push(ready.countOf(priority) + suspects.countOf(priority) + (keys?.countOf(priority) ?? 0))
  return {
    ...totals,
    ready: ready.size + suspects.size + (keys?.size ?? 0) + letters.size,
    dying: letters.size,
    unacked: state.unacked,
    retrying: retries.size,
    scheduled: 0,
    bytes: state.bytes,
    readyByPriority,
  }
}

export const NO_ATTEMPT: QueueAttempt = {
  handOuts: 0,
  failures: 0,
  suspect: false,
  dying: null,
  firstFailureMs: 0,
  lastFailureMs: 0,
  dueMs: null,
}

/** What is known of a message that came back. */
export function attemptOf({ attempts }: QueueState, offset: number): QueueAttempt {
  const entry = attempts.find(offset)
  if (entry === -1) return NO_ATTEMPT
  const stage = attempts.states[entry]
  return {
    handOuts: attempts.handOuts[entry] as number,
    failures: attempts.failures[entry] as number,
    suspect: attempts.suspects[entry] === 1,
    dying: stage === DYING ? (attempts.reasons[entry] as LetterReason) : null,
    firstFailureMs: attempts.firstFailureMs[entry] as number,
    lastFailureMs: attempts.lastFailureMs[entry] as number,
    dueMs: stage === RETRYING ? (attempts.dueMs[entry] as number) : null,
  }
}
