/**
 * What a group decides about records of one partition that were not plainly acked: retry, or dead letter.
 *
 * Pure: no clock, no randomness, no threads. The state is what the group's shared block keeps; the shell (group-actor.ts)
 * carries out the effects in order. Plain acks never come here: they are the reader's committed word.
 *
 * Rules: a failure is counted once per hand-out (a repeated settlement, after a partition host's death, changes
 * nothing). A record is dead-lettered at `attempts` failures in all, at once when it was rejected or does not decode.
 * Until its dead letter is appended the record stays where it is, and its partition waits. At most once, a first failure
 * is the last: the record is dead-lettered, or only counted where there is no dead-letter topic.
 *
 * Bound: FAILURES_MAX records that failed and are not yet behind the committed offset; beyond that an input is `later`.
 */
import type { Instant } from '../base/clock.ts'
import { retryDelayMs } from '../base/retry-delay.ts'
import { FAILURES_MAX } from '../wire/layout.ts'
import type { RetryPolicy } from '../wire/places.ts'
import type { DeadLetterReason } from '../words/broker-events.ts'

/** One record that failed and is not settled, or is dead-lettered and still ahead of the committed offset. */
export interface Failure {
  readonly offset: number
  readonly failedAttempts: number
  /** The hand-out whose failure was counted last. */
  readonly deliveryAttempt: number
  /** In `wallMs`, for people to read, as is `lastMs`. */
  readonly firstMs: number
  readonly lastMs: number
  /** When it may be handed out again, in `nowMs`. */
  readonly notBeforeMs: number
  /** The same moment as it was on the wall clock when it was set, for another process. */
  readonly notBeforeWallMs: number
  /** Why it is to be a dead letter; null while it is to be retried. */
  readonly reason: DeadLetterReason | null
  /** `retry`: to be handed out again. `dying`: to be appended to the dead-letter topic. `dead`: appended. */
  readonly state: 'retry' | 'dying' | 'dead'
}

export interface CursorState {
  readonly policy: RetryPolicy
  readonly failures: ReadonlyMap<number, Failure>
  readonly deadLettered: number
  readonly failed: number
}

export type FailureHow = 'failed' | 'rejected' | 'timeout' | 'decode' | 'crashed'

export type CursorInput =
  /** A reader said that a delivery failed; `committed` is its committed offset. */
  | {
      readonly kind: 'settled'
      readonly offset: number
      readonly committed: number
      readonly how: FailureHow
      readonly deliveryAttempt: number
    }
  /** A reader's thread died while it handled this record. */
  | {
      readonly kind: 'crashed'
      readonly offset: number
      readonly committed: number
      readonly how: 'crashed' | 'timeout'
      readonly deliveryAttempt: number
    }
  /** The dead letter of this record is appended. */
  | { readonly kind: 'deadLettered'; readonly offset: number }
  /** Everything below is over for its reader. */
  | { readonly kind: 'committed'; readonly committed: number }

export type CursorEffect =
  /** Keep this entry in the shared block, before anything that follows. */
  | { readonly kind: 'keep'; readonly failure: Failure }
  | { readonly kind: 'forget'; readonly offset: number }
  | { readonly kind: 'retry'; readonly failure: Failure }
  | { readonly kind: 'skip'; readonly offset: number }
  | { readonly kind: 'deadLetter'; readonly failure: Failure }
  /** The record failed, is not tried again, and has no dead-letter topic to go to: counted, and gone. */
  | { readonly kind: 'drop'; readonly offset: number }
  /** The table is full: take the input again when the committed offset has moved. */
  | { readonly kind: 'later' }

export interface CursorStep {
  readonly state: CursorState
  readonly effects: readonly CursorEffect[]
}

const NOTHING: readonly CursorEffect[] = []

export function openCursor(
  policy: RetryPolicy,
  failures: readonly Failure[],
  deadLettered: number,
  failed: number,
): CursorState {
  return { policy, failures: new Map(failures.map(failure => [failure.offset, failure])), deadLettered, failed }
}

export function step(state: CursorState, input: CursorInput, now: Instant, rng: () => number): CursorStep {
  switch (input.kind) {
    case 'settled':
    case 'crashed':
      return settled(state, input.offset, input.committed, input.how, input.deliveryAttempt, now, rng)
    case 'deadLettered': {
      const known = state.failures.get(input.offset)
      if (known === undefined || known.state === 'dead') return { state, effects: NOTHING }
      const failure: Failure = { ...known, state: 'dead' }
      return {
        state: { ...keep(state, failure), deadLettered: state.deadLettered + 1 },
        effects: [
          { kind: 'keep', failure },
          { kind: 'skip', offset: input.offset },
        ],
      }
    }
    case 'committed': {
      // What was committed before it failed is not gone before its dead letter is there.
      const stays = ({ state: stage }: Failure): boolean => state.policy.atMostOnce && stage === 'dying'
      const passed = [...state.failures.values()].flatMap(failure =>
        failure.offset < input.committed && !stays(failure) ? [failure.offset] : [],
      )
      if (passed.length === 0) return { state, effects: NOTHING }
      const failures = new Map(state.failures)
      for (const offset of passed) failures.delete(offset)
      return { state: { ...state, failures }, effects: passed.map(offset => ({ kind: 'forget', offset })) }
    }
  }
}

function settled(
  state: CursorState,
  offset: number,
  committed: number,
  how: FailureHow,
  deliveryAttempt: number,
  now: Instant,
  rng: () => number,
): CursorStep {
  if (offset < committed) return { state, effects: NOTHING }
  const known = state.failures.get(offset)
  if (known !== undefined) {
    if (known.state === 'dead') return { state, effects: [{ kind: 'skip', offset }] }
    if (known.state === 'dying') return { state, effects: NOTHING }
    if (deliveryAttempt <= known.deliveryAttempt) return { state, effects: [{ kind: 'retry', failure: known }] }
  } else if (state.failures.size >= FAILURES_MAX) return { state, effects: [{ kind: 'later' }] }
  const failedAttempts = (known?.failedAttempts ?? 0) + 1
  const reason = deadLetterReason(how, failedAttempts, state.policy)
  const dropped = reason === null && state.policy.atMostOnce
  const retried = reason === null && !dropped
  const waitMs = retried ? retryDelayMs(state.policy, failedAttempts, rng) : 0
  const failure: Failure = {
    offset,
    failedAttempts,
    deliveryAttempt,
    firstMs: known?.firstMs ?? now.wallMs,
    lastMs: now.wallMs,
    notBeforeMs: now.nowMs + waitMs,
    notBeforeWallMs: now.wallMs + waitMs,
    reason,
    state: retried ? 'retry' : dropped ? 'dead' : 'dying',
  }
  const next = { ...keep(state, failure), failed: state.failed + 1 }
  if (dropped) {
    return {
      state: next,
      effects: [
        { kind: 'keep', failure },
        { kind: 'drop', offset },
        { kind: 'skip', offset },
      ],
    }
  }
  return {
    state: next,
    effects: [{ kind: 'keep', failure }, retried ? { kind: 'retry', failure } : { kind: 'deadLetter', failure }],
  }
}

function deadLetterReason(how: FailureHow, failedAttempts: number, policy: RetryPolicy): DeadLetterReason | null {
  // Without a dead-letter topic there is nowhere to go.
  if (!policy.hasDeadLetters) return null
  if (how === 'rejected' || how === 'decode' || policy.atMostOnce) return how
  return failedAttempts >= policy.attempts ? how : null
}

function keep(state: CursorState, failure: Failure): CursorState {
  return { ...state, failures: new Map(state.failures).set(failure.offset, failure) }
}
