/**
 * Which message goes to which consumer next.
 *
 * The partition host's thread. Pure. The first ready message goes, or none: while it waits for room nothing passes it.
 * A suspect that is first goes to a consumer that holds nothing. Until there is one, the consumer that is nearest to it
 * gets nothing more, and the others go on with the messages behind the suspect.
 *
 * Bound: while `heldMax` messages wait for a retry or a dead letter, none goes that was never out.
 *
 * A rate counts hand-outs: while it is used up, none goes. Messages that wait for their turn of their key are not ready (key-gate.ts).
 */
import { SUSPECT } from './claims.ts'
import type { Consumer } from './consumers.ts'
import type { QueueState } from './queue-state.ts'
import type { HandOut, QueueHold } from './queue-words.ts'
import { goesBefore } from './suspects.ts'

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** One for all hand-outs: it is valid until the next one. */
export type HandOutView = Writable<HandOut>

export function emptyHandOut(): HandOutView {
  return {
    consumer: 0,
    slot: 0,
    tag: 0,
    offset: 0,
    priority: 0,
    bytes: 0,
    deliveryAttempt: 0,
    failedAttempts: 0,
    cohort: 0,
    suspect: false,
  }
}

/** Hands out one message; whether there was one for somebody. */
export function take(state: QueueState, view: HandOutView, nowMs: number): boolean {
  if (state.rate !== null && state.rate.allowed(nowMs) === 0) return false
  if (!takeFirst(state, view)) return false
  state.rate?.took(1, view.tag, nowMs)
  return true
}

function takeFirst(state: QueueState, view: HandOutView): boolean {
  let emptying: Consumer | null = null
  if (suspectIsFirst(state)) {
    const consumer = state.consumers.empty()
    const first = state.suspects.first
    if (consumer !== null && first !== undefined) {
      state.suspects.remove(first.offset)
      handOut(state, consumer, first.offset, first.priority, state.log.bytesOf(first.offset), SUSPECT, view)
      return true
    }
    emptying = state.consumers.nearestToEmpty()
  }
  const offset = state.ready.first()
  if (offset === -1 || isHeldBack(state, offset)) return false
  const bytes = state.log.bytesOf(offset)
  const consumer = state.consumers.choose(bytes, emptying)
  if (consumer === null) return false
  const priority = state.ready.priority
  state.ready.remove(offset, priority)
  handOut(state, consumer, offset, priority, bytes, 0, view)
  return true
}

/** Whether a suspect is to go before all that is ready. */
function suspectIsFirst({ suspects, ready }: QueueState): boolean {
  const { first } = suspects
  if (first === undefined || suspects.isOut) return false
  const other = ready.first()
  return other === -1 || goesBefore(first.place, first.priority, ready.placeOf(other), ready.priority)
}

function isHeldBack(state: QueueState, offset: number): boolean {
  return state.held >= state.policy.heldMax && state.attempts.find(offset) === -1
}

function handOut(
  state: QueueState,
  consumer: Consumer,
  offset: number,
  priority: number,
  bytes: number,
  flags: number,
  view: HandOutView,
): void {
  const { attempts } = state
  const { claims } = consumer
  const tag = state.newTag()
  const slot = claims.take(tag, offset)
  const entry = attempts.find(offset)
  const handOuts = entry === -1 ? 1 : (attempts.handOuts[entry] as number) + 1
  claims.entries[slot] = entry
  claims.handOuts[slot] = handOuts
  claims.bytes[slot] = bytes
  claims.priorities[slot] = priority
  claims.keys[slot] = state.keys === null ? 0 : state.log.keyOf(offset)
  claims.flags[slot] = flags
  consumer.heldBytes += bytes
  state.unacked++
  if (flags === SUSPECT) {
    consumer.alone = true
    state.suspects.isOut = true
  }
  state.consumers.served(consumer)
  view.consumer = consumer.number
  view.slot = slot
  view.tag = tag
  view.offset = offset
  view.priority = priority
  view.bytes = bytes
  view.deliveryAttempt = handOuts
  view.failedAttempts = entry === -1 ? 0 : (attempts.failures[entry] as number)
  view.cohort = entry === -1 ? 0 : (attempts.cohorts[entry] as number)
  view.suspect = flags === SUSPECT
}

/** What would keep a ready message if none were ahead of it. */
export function holdOf(state: QueueState, offset: number, suspect: boolean): QueueHold {
  const { consumers, suspects } = state
  if (consumers.size === 0) return 'no consumer'
  if (suspect && (suspects.isOut || consumers.empty() === null)) return 'suspect'
  if (state.rate?.left === 0) return 'rate'
  if (suspect) return null
  if (isHeldBack(state, offset)) return 'held'
  const emptying = suspectIsFirst(state) && consumers.empty() === null ? consumers.nearestToEmpty() : null
  return consumers.choose(state.log.bytesOf(offset), emptying) === null ? 'prefetch' : null
}
