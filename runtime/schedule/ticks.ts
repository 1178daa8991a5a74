/**
 * The ticks of a schedule: instants in whole ms since 1970, each with the next one after it.
 *
 * Pure, any thread. A tick belongs to the definition alone: it is the same before and after a restart.
 */

/** The ticks of one definition. */
export interface Ticks {
  /** The first tick after this instant; null: there is none. Never goes down where `afterMs` goes up. */
  next(afterMs: number): number | null
  /** The last tick after `afterMs` that is not after `nowMs`; null: there is none. */
  latest(afterMs: number, nowMs: number): number | null
}

/** The ticks at `startMs` plus each whole multiple of `everyMs`; the start itself is none. Constant time. */
export function everyTicks(startMs: number, everyMs: number): Ticks {
  const next = (afterMs: number): number =>
    startMs + Math.max(1, Math.floor((afterMs - startMs) / everyMs) + 1) * everyMs
  return {
    next,
    latest(afterMs, nowMs) {
      const tick = startMs + Math.floor((nowMs - startMs) / everyMs) * everyMs
      return tick > startMs && tick > afterMs ? tick : null
    },
  }
}

/** How many ticks there are after `afterMs` and before `endMs`; `most` where there are more. */
export function countTicks(ticks: Ticks, afterMs: number, endMs: number, most: number): number {
  let count = 0
  for (let tick = ticks.next(afterMs); tick !== null && tick < endMs && count < most; tick = ticks.next(tick)) count++
  return count
}
