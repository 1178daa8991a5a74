/**
 * The callers that wait for the abort of a signal: one listener on the signal itself, however many wait.
 *
 * Any thread. Node warns of a leak from eleven listeners on one target; many publishes that share a signal are no leak.
 * The listener is on the signal only while a caller waits for it.
 */

/** Called in the order in which they came. */
const waiting = new WeakMap<AbortSignal, Waiters>()

interface Waiters {
  readonly acts: Set<() => void>
  readonly listener: () => void
}

/** Calls `act`, which is in no set yet, when `signal` is aborted; not if it is aborted already. */
export function onAbort(signal: AbortSignal, act: () => void): void {
  const known = waiting.get(signal)
  if (known !== undefined) {
    known.acts.add(act)
    return
  }
  const acts = new Set([act])
  const listener = (): void => {
    for (const each of acts) each()
    waiting.delete(signal)
  }
  waiting.set(signal, { acts, listener })
  signal.addEventListener('abort', listener, { once: true })
}

/** Calls it no more. */
export function offAbort(signal: AbortSignal, act: () => void): void {
  const known = waiting.get(signal)
  if (known === undefined || !known.acts.delete(act) || known.acts.size > 0) return
  waiting.delete(signal)
  signal.removeEventListener('abort', known.listener)
}
