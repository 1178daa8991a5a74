/**
 * The ticks of a cron pattern in a time zone.
 *
 * Pure, any thread. The library counts in UTC only, and `Zone` makes instants of its local times. Alone, the library moves a local time
 * that does not exist by the length of the gap: 02:30 becomes 03:30. Here that tick is at the end of the gap, 03:00.
 * A local time that exists twice has one tick, the first; several that fall into one gap have one tick together.
 */
import { Cron } from 'croner'
import type { Ticks } from './ticks.ts'
import { Zone } from './zone.ts'

/** The ticks of a pattern of five fields, or six with seconds first. @throws RangeError for a pattern or a zone that is none. */
export function cronTicks(pattern: string, timeZone: string): Ticks {
  const zone = zoneOf(timeZone)
  const cron = cronOf(pattern)
  const next = (afterMs: number): number | null => {
    // One second less: the library answers with what is later than the whole second that it is given.
    const from = Math.ceil(zone.unseenFrom(afterMs) / 1000) * 1000 - 1000
    const local = cron.nextRun(new Date(from))
    return local === null ? null : zone.instantOf(local.getTime())
  }
  return { next, latest: (afterMs, nowMs) => latestOf(next, afterMs, nowMs) }
}

/** Halves the time in between until the tick is found: at most 53 calls of `next`, however many ticks there were. */
function latestOf(next: Ticks['next'], afterMs: number, nowMs: number): number | null {
  const isOver = (atMs: number): boolean => (next(atMs) ?? Number.POSITIVE_INFINITY) > nowMs
  if (nowMs <= afterMs || isOver(afterMs)) return null
  let low = afterMs
  let high = nowMs
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (isOver(middle)) high = middle
    else low = middle
  }
  return high
}

function zoneOf(timeZone: string): Zone {
  try {
    return new Zone(timeZone)
  } catch (cause) {
    throw new RangeError(`\`timeZone\` must be an IANA name such as "Europe/Berlin", got ${JSON.stringify(timeZone)}`, {
      cause,
    })
  }
}

function cronOf(pattern: string): Cron {
  let cron: Cron | null = null
  let cause: unknown
  try {
    cron = new Cron(pattern, { timezone: 'UTC', mode: '5-or-6-parts' })
  } catch (fault) {
    cause = fault
  }
  // A single date is accepted by the library, and is no cron pattern.
  if (cron === null || cron.getPattern() === undefined) {
    throw new RangeError(
      `\`cron\` must be a pattern of five or six fields such as "30 2 * * *", got ${JSON.stringify(pattern)}`,
      { cause },
    )
  }
  return cron
}
