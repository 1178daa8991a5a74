/** How long a failed record or message waits for its next attempt. Leaf, pure, any thread. */

/** A wait that doubles with each failure. */
export interface RetryBackoff {
  readonly initialMs: number
  readonly maxMs: number
  /** Random share taken off, 0 to 1. */
  readonly jitter: number
}

/** Exponential, capped, with a random share taken off; whole milliseconds. */
export function retryDelayMs(backoff: RetryBackoff, failedAttempts: number, rng: () => number): number {
  const full = Math.min(backoff.maxMs, backoff.initialMs * 2 ** Math.min(failedAttempts - 1, 40))
  return Math.round(full * (1 - backoff.jitter * rng()))
}
