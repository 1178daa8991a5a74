/**
 * Aborts the signal of a request when its sender waits for the answer no more.
 *
 * The consumer's thread. Made when the signal is first looked at: a handler that never does costs no timer. Bound: one timer for each
 * request in hand whose signal was looked at.
 */
import { clearTimeout, nowMs, setTimeout } from '../../actors/world.ts'
import { MillraceError } from '../words/errors.ts'

export class DeadlineTimer {
  readonly #timer: NodeJS.Timeout

  /** `deadlineMs` in `nowMs`. */
  constructor(deadlineMs: number, abort: (reason: MillraceError) => void) {
    this.#timer = setTimeout(() => abort(deadlineError()), Math.max(0, Math.ceil(deadlineMs - nowMs())))
  }

  /** The request is over. */
  clear(): void {
    clearTimeout(this.#timer)
  }
}

function deadlineError(): MillraceError {
  return new MillraceError('MILL_TIMEOUT', 'the time of the request is over: its sender waits for the answer no more')
}
