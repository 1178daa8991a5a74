/**
 * A timer that counts only the time in which its own thread ran.
 *
 * Any thread. A process that was stopped for ten seconds, or a loop that was blocked, has not been waiting: the awaited
 * event could neither happen nor be seen. So the wait is cut into slices, and a slice counts for no more than its own
 * length, however late its timer fires. Bound: one timer at a time.
 */

import { clearTimeout, setTimeout } from './world.ts'

const SLICES = 4
const SLICE_MS_MAX = 1_000

/**
 * Calls `over` after `ms` of this thread's own time; the result prevents that. A pause of the thread counts for one
 * slice at most (a quarter of `ms`, never more than a second). `Infinity`: never.
 */
export function patience(ms: number, over: () => void): () => void {
  if (ms === Number.POSITIVE_INFINITY) return () => undefined
  let left = ms
  let timer: NodeJS.Timeout
  const wait = (): void => {
    const slice = Math.min(left, Math.max(1, ms / SLICES), SLICE_MS_MAX)
    timer = setTimeout(() => {
      left -= slice
      if (left > 0) wait()
      // Events from the time when the thread stood still may be queued behind this timer: they come first.
      else timer = setTimeout(over, 0)
    }, slice)
  }
  wait()
  return () => clearTimeout(timer)
}
