/**
 * When messages of a queue expire: at their time to live, if they are not out then.
 *
 * The partition host's thread. Pure. A message that is out when it expires may still be acked; if it comes back it dies. No message is
 * handed out from its time on, and it dies at the first whole millisecond that is not before that. It is a dead letter then, or
 * counted where there is no place for dead letters.
 *
 * Bounds: 16 bytes for each message with a time to live (time-wheel.ts), and as many more for settled ones; nothing in a queue
 * without any. EXPIRED_MAX die in one call, and none while `heldMax` wait for their dead letters: the rest is due at once.
 */
import { TimeWheel } from '../base/time-wheel.ts'
import { DYING } from './attempt-table.ts'
import type { QueueState } from './queue-state.ts'
import type { QueueEffect, QueueLog } from './queue-words.ts'

/** Messages that die in one call, of those whose time has come, and again of those that stand first. */
const EXPIRED_MAX = 1_024

export class Expiry {
  readonly #log: QueueLog
  #wheel: TimeWheel | null = null
  /** Up to when the wheel has been emptied. */
  #passedMs = 0
  /** Whether any message that is not settled may expire. */
  any: boolean

  constructor(log: QueueLog, any: boolean) {
    this.#log = log
    this.any = any
  }

  /** Whether a message may not be handed out any more. */
  isOver(offset: number, nowMs: number): boolean {
    return this.any && this.#log.expiresMsOf(offset) <= nowMs
  }

  /** `expiresMs`: 0 or Infinity: never. */
  add(offset: number, expiresMs: number): void {
    if (expiresMs === 0 || expiresMs === Number.POSITIVE_INFINITY) return
    this.any = true
    this.#wheel ??= new TimeWheel()
    this.#wheel.add(offset, expiresMs)
  }

  /** A message is not out any more, or has fallen due: if its time came meanwhile, it comes again. */
  cameBack(offset: number): void {
    if (!this.any) return
    const expiresMs = this.#log.expiresMsOf(offset)
    if (expiresMs <= this.#passedMs) this.add(offset, expiresMs)
  }

  /** Notes those whose time has come; how many. Some may be out, or settled. */
  due(nowMs: number, offsets: Float64Array): number {
    const wheel = this.#wheel
    if (wheel === null || wheel.dueMs > nowMs) return 0
    this.#passedMs = nowMs
    return wheel.take(nowMs, offsets)
  }

  /** When the next one expires, or earlier; Infinity: none does. */
  get dueMs(): number {
    return this.#wheel?.dueMs ?? Number.POSITIVE_INFINITY
  }

  /** Drops entries of settled messages, some at a time; `messages`: those that are not settled. */
  tend(messages: number, isLive: (offset: number) => boolean): void {
    if (messages === 0) {
      this.#wheel?.clear()
      this.any = false
    } else this.#wheel?.tend(messages, isLive)
  }
}

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
