/**
 * How long a child that keeps failing waits before it is started again.
 *
 * Leaf module, pure. Invariant: no delay is above `maxMs`.
 */

export interface BackoffOptions {
  /** Delay of the second restart in a row. Default 50. */
  readonly firstMs: number
  /** Default 5,000. */
  readonly maxMs: number
  /** Largest share of the delay that chance takes away, 0 to 1. Default 0.2. */
  readonly jitter: number
  /** A child that has run this long starts over without delay. Default 10,000. */
  readonly quietMs: number
}

/** Defaults of omitted options. */
export const BACKOFF_DEFAULT: BackoffOptions = Object.freeze({
  firstMs: 50,
  maxMs: 5_000,
  jitter: 0.2,
  quietMs: 10_000,
})

/** The delay before restart number `failures` in a row, in whole milliseconds. */
export function backoffMs(options: BackoffOptions, failures: number, rng: () => number): number {
  if (failures <= 1) return 0
  const full = Math.min(options.maxMs, options.firstMs * 2 ** (failures - 2))
  return Math.round(full * (1 - options.jitter * rng()))
}
