/**
 * What becomes of a message that a consumer lets go of without an ack: it comes back to its old place, waits for a retry,
 * or dies.
 *
 * The partition host's thread. Pure; the time and the random share of a backoff are inputs. A failure is counted, and the
 * limit counts failures only. A message that comes back otherwise was a hand-out more, and nothing else. Rejected, or at
 * its last failure, it is to be a dead letter; where there is no place for dead letters it is dropped. One that fails after its
 * time to live is not tried again: it has expired. One that was cancelled while it was out is cancelled now, whatever happened to it.
 */
import type { Instant } from '../base/clock.ts'
import { retryDelayMs } from '../base/retry-delay.ts'
import { DYING, READY, RETRYING } from './attempt-table.ts'
import { BEGUN, SUSPECT } from './claims.ts'
import type { Consumer } from './consumers.ts'
import { dies } from './expiring.ts'
import type { QueueState } from './queue-state.ts'
import type { LetterReason, QueueEffect } from './queue-words.ts'

/** It comes back, did not fail, or is cancelled. What has begun and came back alive is no suspect. */
export function comesBack(state: QueueState, consumer: Consumer, slot: number, cohort?: number): QueueEffect {
  const { flags } = consumer.claims
  return comesBackAs(state, consumer, slot, ((flags[slot] as number) & (BEGUN | SUSPECT)) === SUSPECT, cohort)
}

export function comesBackAs(
  state: QueueState,
  consumer: Consumer,
  slot: number,
  suspect: boolean,
  cohort?: number,
): QueueEffect {
  if (consumer.claims.isCancelled(slot)) return cancelled(state, consumer, slot)
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

/** It was never begun: it stands where it stood, as if it had not been handed out, or is cancelled. Null: it has begun. */
export function goesBack(state: QueueState, consumer: Consumer, slot: number): QueueEffect | null {
  const { claims } = consumer
  if (((claims.flags[slot] as number) & BEGUN) !== 0) return null
  if (claims.isCancelled(slot)) return cancelled(state, consumer, slot)
  const offset = claims.offsets[slot] as number
  const suspect = ((claims.flags[slot] as number) & SUSPECT) !== 0
  const tag = claims.tags[slot] as number
  state.letGo(consumer, slot)
  state.rate?.takenBack(tag)
  state.makeReady(offset, claims.priorities[slot] as number, suspect)
  return { kind: 'returned', offset, suspect, looping: false }
}

/** It was cancelled while it was out, and comes back no more. */
function cancelled(state: QueueState, consumer: Consumer, slot: number): QueueEffect {
  const { offsets, bytes, entries, keys } = consumer.claims
  const offset = offsets[slot] as number
  state.letGo(consumer, slot)
  state.settle(offset, bytes[slot] as number, entries[slot] as number, 'cancelled')
  state.endTurn(keys[slot] as number)
  return { kind: 'cancelled', offset }
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
  if (consumer.claims.isCancelled(slot)) return cancelled(state, consumer, slot)
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
  const isLast = reason === 'rejected' || reason === 'decode' || failedAttempts >= policy.attempts
  const isOver = state.expiry.isOver(offset, at.nowMs)
  if (isLast || isOver) state.endTurn(consumer.claims.keys[slot] as number)
  if (isLast) {
    if (!policy.hasDeadLetters) {
      state.settle(offset, size, entry, 'dropped')
      return { kind: 'dropped', offset, failedAttempts, reason }
    }
    attempts.states[entry] = DYING
    attempts.reasons[entry] = reason
    state.letters.add(entry)
    return { kind: 'dying', offset, failedAttempts, reason }
  }
  if (isOver) return dies(state, offset, entry)
  const dueMs = at.nowMs + (delayMs ?? retryDelayMs(policy.backoff, failedAttempts, rng))
  attempts.states[entry] = RETRYING
  attempts.dueMs[entry] = dueMs
  state.retries.add(entry)
  state.expiry.cameBack(offset)
  return { kind: 'retrying', offset, failedAttempts, dueMs }
}

/** Where its attempts are kept, with this hand-out counted. */
function entryOf({ attempts }: QueueState, { claims }: Consumer, slot: number): number {
  const known = claims.entries[slot] as number
  const entry = known === -1 ? attempts.add(claims.offsets[slot] as number, claims.priorities[slot] as number) : known
  attempts.handOuts[entry] = claims.handOuts[slot] as number
  return entry
}
