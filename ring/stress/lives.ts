/**
 * How long a thread is left alone before the next one is killed. Main thread.
 *
 * Mostly not long. Now and then it is long enough for a lost wake-up to show as a stall. A kill would mend that,
 * because every bell is rung then.
 */
import type { Random } from './checked-record.ts'

const SHORT_MS = 250
const LONG_MS = 2_000
const LONG_ONCE_IN = 12

export async function live(random: Random): Promise<void> {
  await sleepMs(random.below(LONG_ONCE_IN) === 0 ? LONG_MS : random.below(SHORT_MS))
}

export function sleepMs(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
