/** Waits that end: what takes too long is a finding, not a hung test. */
import { TimeLimit } from '../fixtures/slowness.fixture.ts'

/**
 * Rejects when the promise takes longer than `ms`; on a machine that is slow at that moment, by itself or beside other
 * load, as much longer as it is slower.
 */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  const limit = new TimeLimit(ms)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const look = (): void => {
      const left = limit.leftMs()
      if (left > 0) timer = setTimeout(look, left)
      else reject(new Error(`${what} took longer than ${ms} ms`))
    }
    timer = setTimeout(look, ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Median, or another quantile, of a list of numbers. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
