/** Waits for something, but not for longer than told: what closing a broker has to be bounded by. The creating thread. */
import { clearTimeout, nowMs, setTimeout } from '../../actors/world.ts'

/**
 * What `work` resolves with.
 *
 * @param until in `nowMs`, or Infinity
 * @param why what to reject with when it is not there by then, as a message
 */
export async function withinTime<T>(work: Promise<T>, until: number, why: () => string | Promise<string>): Promise<T> {
  if (until === Number.POSITIVE_INFINITY) return work
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const say = async (): Promise<void> => reject(new Error(await why()))
    timer = setTimeout(() => void say().catch(reject), Math.max(1, until - nowMs()))
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
