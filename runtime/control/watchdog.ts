/**
 * Looks at handlers on the stack again and again, so that one that does not return is ended in time.
 *
 * The control thread. Who is looked at says when it is due, and here is only when to look: a handler that began to spin
 * between two looks is found at its timeout and IDLE_MS at most, never before its timeout, and time in which this thread
 * itself stood still is nobody's hang. Looks are rare while nothing runs: an idle broker should sleep.
 */
import { clearTimeout, nowMs, setTimeout } from '../../actors/world.ts'

/** The longest time from one look to the next, while handlers are on the stack and while none is. */
const BUSY_MS = 25
const IDLE_MS = 50

/**
 * One look at everything watched, at `now`, `lateMs` after it was due. Answers in how many ms the next handler is due
 * to be ended if it does not move; Infinity: none is on the stack.
 */
export type Look = (now: number, lateMs: number) => number

/** Starts looking; the result ends it. Does not keep its thread alive. */
export function watch(look: Look): () => void {
  let timer: NodeJS.Timeout
  const after = (delayMs: number): void => {
    const due = nowMs() + delayMs
    timer = setTimeout(() => {
      const now = nowMs()
      const left = look(now, Math.max(0, now - due))
      after(left === Number.POSITIVE_INFINITY ? IDLE_MS : Math.max(1, Math.min(left, BUSY_MS)))
    }, delayMs).unref()
  }
  after(IDLE_MS)
  return () => clearTimeout(timer)
}

/** What a thread had done when it was last seen, and since when it has not moved. */
export interface Sight {
  readonly moves: number
  readonly since: number
}

/** Of a thread that nobody has looked at yet: whatever it has done is news. */
export const UNSEEN: Sight = { moves: -1, since: 0 }

/** The sight of a thread at `now`, in a look that is `lateMs` late; one that is not busy is as one that moves. */
export function seen(last: Sight, busy: boolean, moves: number, now: number, lateMs: number): Sight {
  return busy && moves === last.moves ? { moves, since: last.since + lateMs } : { moves, since: now }
}
