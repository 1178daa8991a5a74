/**
 * Looks at handlers on the stack again and again, so that one that does not return is ended in time.
 *
 * The control thread. What counts as too long is decided by who is looked at; here is only when to look. Looks are
 * frequent while a handler is on the stack and rare while none is: an idle broker should sleep.
 */
import { clearTimeout, nowMs, setTimeout } from '../../actors/world.ts'

/** How soon it looks again, while handlers are on the stack and while none is. */
const BUSY_MS = 25
const IDLE_MS = 100

/** One look at everything watched, at `now`, `lateMs` after it was due; whether a handler is on the stack. */
export type Look = (now: number, lateMs: number) => boolean

/** Starts looking; the result ends it. Does not keep its thread alive. */
export function watch(look: Look): () => void {
  let timer: NodeJS.Timeout
  const after = (delayMs: number): void => {
    const due = nowMs() + delayMs
    timer = setTimeout(() => {
      const now = nowMs()
      // Its own lateness is nobody's hang.
      after(look(now, Math.max(0, now - due)) ? BUSY_MS : IDLE_MS)
    }, delayMs).unref()
  }
  after(IDLE_MS)
  return () => clearTimeout(timer)
}
