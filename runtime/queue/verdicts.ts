/**
 * What becomes of a message that a consumer lets go of without an ack: it comes back to its old place, waits for a retry,
 * or dies.
 *
 * The partition host's thread. Pure; the time and the random share of a backoff are inputs. A failure is counted, and the
 * limit counts failures only. A message that comes back otherwise was a hand-out more, and nothing else. Rejected, or at
 * its last failure, it is to be a dead letter; where there is no place for dead letters it is dropped.
 */
import type { Instant } from '../base/clock.ts'
import { retryDelayMs } from '../base/retry-delay.ts'
import { DYING, READY, RETRYING } from './attempt-table.ts'
import { BEGUN, SUSPECT } from './claims.ts'
import type { Consumer } from './consumers.ts'
import type { QueueState } from './queue-state.ts'
import type { LetterReason, QueueEffect } from './queue-words.ts'

/** It comes back and did not fail. What has begun and came back alive is no suspect. */
export function comesBack(state: QueueState, consumer: Consumer, slot: number, cohort?: number): QueueEffect {
  return comesBackAs(state, consumer, slot, consumer.claims.flags[slot] === SUSPECT, cohort)
}

export function comesBackAs(
  state: QueueState,
  consumer: Consumer,
  slot: number,
  suspect: boolean,
  cohort?: number,
): QueueEffect {
  const { attempts, policy } = state
  const offset = consumer.claims.offsets[slot] as number
  const entry = entryOf(state, consumer, slot)
  attempts.states[entry] = READY
  attempts.suspects[entry] = suspect ? 1 : 0
  if (cohort !== undefined) attempts.cohorts[entry] = cohort
  const since = (attempts.handOuts[entry] as number) - (attempts.failedAt[entry] as number)
  state.letGo(consumer, slot)
  state.makeReady(offset, attempts.priorities[entry] as number, suspect)
  return { kind: 'returned', offset, suspect, looping: since % policy.loopingAfter === 0 }
}

/** It was never begun: it stands where it stood, as if it had not been handed out. False: it has begun. */
export function goesBack(state: QueueState, consumer: Consumer, slot: number): boolean {
  const { claims } = consumer
  if (((claims.flags[slot] as number) & BEGUN) !== 0) return false
  const suspect = ((claims.flags[slot] as number) & SUSPECT) !== 0
  const tag = claims.tags[slot] as number
  state.letGo(consumer, slot)
  state.rate?.takenBack(tag)
  state.makeReady(claims.offsets[slot] as number, claims.priorities[slot] as number, suspect)
  return true
}

/** How a message failed. */
export interface Failing {
  readonly reason: LetterReason
  /** Whether its consumer ended with it: it goes alone from now on. */
  readonly suspect: boolean
  /** What the consumer asks for instead of the backoff; null: nothing. */
  readonly delayMs: number | null
}

export function fails(
  state: QueueState,
  consumer: Consumer,
  slot: number,
  { reason, suspect, delayMs }: Failing,
  at: Instant,
  rng: () => number,
): QueueEffect {
  const { attempts, policy } = state
  const offset = consumer.claims.offsets[slot] as number
  const size = consumer.claims.bytes[slot] as number
  const entry = entryOf(state, consumer, slot)
  const failedAttempts = (attempts.failures[entry] as number) + 1
  attempts.failures[entry] = failedAttempts
  attempts.failedAt[entry] = attempts.handOuts[entry] as number
  attempts.cohorts[entry] = 0
  attempts.suspects[entry] = suspect ? 1 : 0
  if (failedAttempts === 1) attempts.firstFailureMs[entry] = at.wallMs
  attempts.lastFailureMs[entry] = at.wallMs
  state.letGo(consumer, slot)
  if (reason === 'rejected' || reason === 'decode' || failedAttempts >= policy.attempts) {
    state.endTurn(consumer.claims.keys[slot] as number, offset)
    if (!policy.hasDeadLetters) {
      state.settle(offset, size, entry, 'dropped')
      return { kind: 'dropped', offset, failedAttempts, reason }
    }
    attempts.states[entry] = DYING
    attempts.reasons[entry] = reason
    state.letters.add(entry)
    return { kind: 'dying', offset, failedAttempts, reason }
  }
  const dueMs = at.nowMs + (delayMs ?? retryDelayMs(policy.backoff, failedAttempts, rng))
  attempts.states[entry] = RETRYING
  attempts.dueMs[entry] = dueMs
  state.retries.add(entry)
  return { kind: 'retrying', offset, failedAttempts, dueMs }
}

/** A wait is over: what is due is ready, at its old place. How many were. */
export function makeDue(state: QueueState, nowMs: number): number {
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

/** Where its attempts are kept, with this hand-out counted. */
function entryOf({ attempts }: QueueState, { claims }: Consumer, slot: number): number {
  const known = claims.entries[slot] as number
  const entry = known === -1 ? attempts.add(claims.offsets[slot] as number, claims.priorities[slot] as number) : known
  attempts.handOuts[entry] = claims.handOuts[slot] as number
  return entry
}
