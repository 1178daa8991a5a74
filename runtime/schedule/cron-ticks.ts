/**
 * The ticks of a cron pattern in a time zone, as the library croner has them.
 *
 * Pure, any thread. Where local time jumps, the rule is that of Vixie cron. A pattern names its times if its seconds, minutes and hours
 * have neither `*` nor a step. Then a time that does not exist has its tick at the end of the gap, and one that exists twice has one
 * tick, at its first. Any other pattern is an interval: it skips the gap, and goes on through the hour that comes again.
 *
 * The only file that imports croner. It does so when the first pattern is read: a broker without schedules does not load it. The library comes
 * as CommonJS, which can be loaded within a call.
 *
 * Bound: `latest` calls `next` twice where at most one tick is due, and 55 times otherwise.
 */
import nodeModule from 'node:module'
import type { Cron } from 'croner'
import type { Ticks } from './ticks.ts'

type Croner = typeof import('croner')

let loaded: Croner | null = null

function croner(): Croner {
  loaded ??= nodeModule.createRequire(import.meta.url)('croner') as Croner
  return loaded
}

const FIELDS = ['minute', 'hour', 'day of the month', 'month', 'day of the week']

/** The ticks of a pattern of five fields, or six with seconds first. @throws RangeError for a pattern or a zone that is none */
export function cronTicks(pattern: string, timeZone: string): Ticks {
  checkZone(timeZone)
  const cron = cronOf(pattern, timeZone)
  const next = (afterMs: number): number | null => cron.nextRun(new Date(afterMs))?.getTime() ?? null
  return { next, latest: (afterMs, nowMs) => latestOf(next, afterMs, nowMs) }
}

/** Halves the time in between until the tick is found, however many ticks there were. */
function latestOf(next: Ticks['next'], afterMs: number, nowMs: number): number | null {
  const isOver = (atMs: number): boolean => (next(atMs) ?? Number.POSITIVE_INFINITY) > nowMs
  const first = next(afterMs)
  if (first === null || first > nowMs) return null
  // One tick is the usual case.
  if (isOver(first)) return first
  let low = first
  let high = nowMs
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (isOver(middle)) high = middle
    else low = middle
  }
  return high
}

function checkZone(timeZone: string): void {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone })
  } catch (cause) {
    throw new RangeError(`\`timeZone\` must be an IANA name such as "Europe/Berlin", not ${JSON.stringify(timeZone)}`, {
      cause,
    })
  }
}

function cronOf(pattern: string, timeZone: string): Cron {
  try {
    const { Cron } = croner()
    const cron = new Cron(pattern, { timezone: timeZone, mode: '5-or-6-parts', fixedTimeRule: 'no-wildcard' })
    // A single date is accepted by the library, and is no cron pattern.
    if (cron.getPattern() !== undefined) return cron
    throw refused(pattern)
  } catch (cause) {
    throw refused(pattern, cause)
  }
}

function refused(pattern: string, cause?: unknown): RangeError {
  const wanted = '`cron` must be a pattern of five fields such as "30 2 * * *", or six with seconds first'
  return new RangeError(`${wanted}, not ${JSON.stringify(pattern)}${wrongField(pattern)}`, { cause })
}

/** Which field is wrong, found by trying each of them alone. */
function wrongField(pattern: string): string {
  const parts = pattern.trim().split(/\s+/)
  if (parts.length < 5 || parts.length > 6) return `, which has ${pattern.trim() === '' ? 0 : parts.length} fields`
  const names = parts.length === 6 ? ['second', ...FIELDS] : FIELDS
  const wrong = parts.findIndex((part, index) => !isPattern(parts.map((_, at) => (at === index ? part : '*'))))
  return wrong === -1 ? '' : `: its ${names[wrong]} cannot be ${JSON.stringify(parts[wrong])}`
}

function isPattern(parts: readonly string[]): boolean {
  try {
    ;new (croner().Cron)(parts.join(' '), { mode: '5-or-6-parts' })
    return true
  } catch {
    return false
  }
}
