/**
 * Now, on both clocks at once: a thread that is held up between two looks would take a difference for one of the clocks. Any thread.
 *
 * Bound: LOOKS_MAX. After that the last look has to do.
 */
import { nowMs, wallMs } from '../../actors/world.ts'
import type { Instant } from './clock.ts'

/** Looks that took longer are not at once. */
const AT_ONCE_MS = 0.5
const LOOKS_MAX = 5

export function instant(): Instant {
  for (let looks = 1; ; looks++) {
    const before = nowMs()
    const wall = wallMs()
    const now = nowMs()
    if (now - before <= AT_ONCE_MS || looks === LOOKS_MAX) return { nowMs: now, wallMs: wall }
  }
}
