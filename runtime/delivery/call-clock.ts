/**
 * The time that calls of a handler have been pending, as far as their thread could have seen them settle.
 *
 * The handling thread; one for each executor. All of its calls have the same time, so that the one that began first is over
 * first, and one timer serves all: it looks at the first one. It looks often, so that time in which the thread stood still is
 * seen as such, and not held against any handler. Bound: the calls that are pending.
 */
import { clearTimeout, nowMs, setTimeout } from '../../actors/world.ts'

/** The longest time between two looks. */
const LOOK_MS_MAX = 1_000

/** A call in the line of those that are timed; all but `timedOut` is the clock's. */
export interface TimedCall {
  /** When its time is over, in `nowMs` less the time in which the thread stood still. */
  dueMs: number
  earlier: TimedCall | null
  later: TimedCall | null
  timedOut(): void
}

export class CallClock {
  /** Infinity: nothing is timed. */
  readonly timeoutMs: number
  #first: TimedCall | null = null
  #last: TimedCall | null = null
  #stoodStillMs = 0
  #lookDue = 0
  #timer: NodeJS.Timeout | null = null

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs
  }

  /** Times this call from now on; it is not timed yet. */
  start(call: TimedCall): void {
    if (this.timeoutMs === Number.POSITIVE_INFINITY) return
    const now = nowMs()
    if (this.#timer === null) this.#lookAfter(this.timeoutMs, now)
    else this.#account(now)
    call.dueMs = now - this.#stoodStillMs + this.timeoutMs
    call.earlier = this.#last
    if (this.#last === null) this.#first = call
    else this.#last.later = call
    this.#last = call
  }

  /** Times this call no more, if it does. */
  stop(call: TimedCall): void {
    const { earlier, later } = call
    if (earlier === null && this.#first !== call) return
    if (earlier === null) this.#first = later
    else earlier.later = later
    if (later === null) this.#last = earlier
    else later.earlier = earlier
    call.earlier = null
    call.later = null
  }

  /** Has no timer any more. */
  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #lookAfter(leftMs: number, now: number): void {
    const ms = Math.ceil(Math.min(leftMs, this.timeoutMs / 4, LOOK_MS_MAX))
    this.#lookDue = now + ms
    this.#timer = setTimeout(this.#look, ms)
  }

  /** A look that is late says that the thread stood still: those that are timed by now are not charged with that. */
  #account(now: number): void {
    if (now <= this.#lookDue) return
    this.#stoodStillMs += now - this.#lookDue
    this.#lookDue = now
  }

  readonly #look = (): void => {
    this.#timer = null
    const now = nowMs()
    this.#account(now)
    const ownMs = now - this.#stoodStillMs
    for (let call = this.#first; call !== null && call.dueMs <= ownMs; call = this.#first) {
      this.stop(call)
      call.timedOut()
    }
    if (this.#first !== null && this.#timer === null) this.#lookAfter(this.#first.dueMs - ownMs, now)
  }
}
