/** Now, on both clocks. Any thread. */
import { nowMs, wallMs } from '../../actors/world.ts'
import type { Instant } from '../base/clock.ts'

export function instant(): Instant {
  return { nowMs: nowMs(), wallMs: wallMs() }
}
