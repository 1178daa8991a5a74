/**
 * What comes back when a consumer ends or dies, when its time is over, and when a batch fails as a whole.
 *
 * The partition host's thread. Pure. A death is charged to one message at most, and to none that had not begun: to the
 * one that was executing, or to the only one that had begun. If it cannot be told which of several did it, nobody is
 * charged, and those that had begun are suspects, which go alone from then on. All others come back as if they had been
 * released.
 */
import type { Instant } from '../base/clock.ts'
import { BEGUN, SUSPECT } from './claims.ts'
import type { Consumer } from './consumers.ts'
import type { QueueState } from './queue-state.ts'
import type { ConsumerDeath, HandOut, QueueEffect } from './queue-words.ts'
import { comesBack, comesBackAs, fails } from './verdicts.ts'

/** A hand-out within its consumer. */
export type ClaimName = Pick<HandOut, 'slot' | 'tag'>

/** It ends in good order: what it held comes back. */
export function detach(state: QueueState, consumer: Consumer): QueueEffect[] {
  pause(state, consumer)
  const effects = heldSlots(state, consumer).map(slot => comesBack(state, consumer, slot))
  state.consumers.detach(consumer)
  return effects
}

/** It died, and its thread has exited. */
export function die(
  state: QueueState,
  consumer: Consumer,
  death: ConsumerDeath,
  at: Instant,
  rng: () => number,
): QueueEffect[] {
  pause(state, consumer)
  const { claims } = consumer
  const slots = heldSlots(state, consumer)
  const begun = slots.filter(slot => ((claims.flags[slot] as number) & BEGUN) !== 0)
  const charged = chargedOf(consumer, begun, death)
  const failing = { reason: death.cause, suspect: true, delayMs: null }
  const effects = slots.map(slot => {
    if (slot === charged) return fails(state, consumer, slot, failing, at, rng)
    if (charged === -1 && begun.includes(slot)) return comesBackAs(state, consumer, slot, true)
    return comesBack(state, consumer, slot)
  })
  state.consumers.detach(consumer)
  return effects
}

/** The slot that a death is charged to; -1: none. */
function chargedOf({ claims }: Consumer, begun: readonly number[], death: ConsumerDeath): number {
  if (death.withProcess) return begun.find(slot => ((claims.flags[slot] as number) & SUSPECT) !== 0) ?? -1
  const executing = begun.find(slot => claims.tags[slot] === death.executing)
  return executing ?? (begun.length === 1 ? (begun[0] as number) : -1)
}

/** Everything that has begun and was not settled in the time that its consumer asked for has failed. */
export function timeOut(state: QueueState, at: Instant, rng: () => number): QueueEffect[] {
  const effects: QueueEffect[] = []
  const failing = { reason: 'timeout', suspect: false, delayMs: null } as const
  for (const consumer of state.consumers.all())
    while (consumer.claims.dueMs <= at.nowMs)
      effects.push(fails(state, consumer, consumer.claims.firstDue, failing, at, rng))
  return effects
}

/**
 * A batch failed as a whole. One message alone is charged; of several none is, and they come again in two parts, which are not
 * handled in one batch. Those that are not held any more are left out.
 */
export function failBatch(
  state: QueueState,
  consumer: Consumer,
  batch: readonly ClaimName[],
  at: Instant,
  rng: () => number,
): QueueEffect[] {
  const { claims } = consumer
  const slots = [...new Set(batch.filter(({ slot, tag }) => claims.holds(slot, tag)).map(({ slot }) => slot))]
  if (batch.length === 1)
    return slots.map(slot => fails(state, consumer, slot, { reason: 'failed', suspect: false, delayMs: null }, at, rng))
  if (slots.length === 0) return []
  const sorted = inPlace(state, consumer, slots)
  const middle = sorted.length >> 1
  const halves = [state.lastCohort + 1, state.lastCohort + 2] as const
  state.lastCohort += 2
  return sorted.map((slot, index) => comesBack(state, consumer, slot, index < middle ? halves[0] : halves[1]))
}

/** It gets nothing more, whatever comes back. */
function pause(state: QueueState, consumer: Consumer): void {
  consumer.prefetch = 0
  state.consumers.refresh(consumer)
}

function heldSlots(state: QueueState, consumer: Consumer): number[] {
  return inPlace(state, consumer, consumer.claims.slots())
}

function inPlace({ order }: QueueState, { claims }: Consumer, slots: readonly number[]): number[] {
  const isBefore = (a: number, b: number): boolean =>
    order.isBefore(claims.offsets[a] as number, claims.offsets[b] as number)
  return slots.toSorted((a, b) => (isBefore(a, b) ? -1 : 1))
}
