/**
 * The ticks of a cron pattern, found by looking at each minute. Built on Intl alone, for tests.
 *
 * Of an interval (a pattern with `*` or a step in its minutes or hours) each minute is a tick whose local time matches. Of any other pattern
 * that minute must be new as well; and where local time jumps, the first minute after the jump is a tick if a local time in between matches.
 */

const MINUTE_MS = 60_000

/** Hours at which a zone's offset changes between two instants, by their first whole hour. */
export function changesOf(timeZone: string, fromMs: number, toMs: number): number[] {
  const local = localTimes(timeZone)
  const changes: number[] = []
  for (let at = fromMs; at < toMs; at += 60 * MINUTE_MS) {
    if (local(at + 60 * MINUTE_MS) - local(at) !== 60 * MINUTE_MS) changes.push(at + 60 * MINUTE_MS)
  }
  return changes
}

/** All ticks of a pattern of five fields from `fromMs` on, before `toMs`. Both are whole minutes. */
export function oracleTicks(pattern: string, timeZone: string, fromMs: number, toMs: number): number[] {
  const local = localTimes(timeZone)
  const matches = matcherOf(pattern)
  const [minutes = '', hours = ''] = pattern.split(' ')
  const isInterval = /[*/]/.test(minutes + hours)
  const ticks: number[] = []
  // What came before is looked at as well: a local time may be had for the second time at `fromMs`.
  let latest = local(fromMs - 26 * 60 * MINUTE_MS)
  for (let at = fromMs - 26 * 60 * MINUTE_MS; at < toMs; at += MINUTE_MS) {
    const now = local(at)
    let found = isInterval && matches(new Date(now))
    for (let minute = latest + MINUTE_MS; !isInterval && minute <= now; minute += MINUTE_MS)
      found ||= matches(new Date(minute))
    if (found && at >= fromMs) ticks.push(at)
    latest = Math.max(latest, now)
  }
  return ticks
}

const MEMORIES = new Map<string, Map<number, number>>()

function localTimes(timeZone: string): (atMs: number) => number {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' })
  const memory = MEMORIES.get(timeZone) ?? new Map<number, number>()
  MEMORIES.set(timeZone, memory)
  return atMs => {
    const known = memory.get(atMs) ?? Date.parse(`${format.format(atMs).replace(' ', 'T')}Z`)
    memory.set(atMs, known)
    return known
  }
}

function matcherOf(pattern: string): (local: Date) => boolean {
  const [minutes, hours, days, months, weekdays] = pattern.split(' ').map(setOf)
  return local =>
    has(minutes, local.getUTCMinutes()) &&
    has(hours, local.getUTCHours()) &&
    has(months, local.getUTCMonth() + 1) &&
    // Two restricted fields of days mean either of them, as in every cron since 1977.
    (days && weekdays
      ? has(days, local.getUTCDate()) || has(weekdays, local.getUTCDay())
      : has(days, local.getUTCDate()) && has(weekdays, local.getUTCDay()))
}

function has(set: Set<number> | null | undefined, value: number): boolean {
  return set === null || set === undefined || set.has(value)
}

/** Numbers of a field; null: all. It knows `*`, lists, ranges and steps of `*`. */
function setOf(field: string): Set<number> | null {
  if (field === '*') return null
  if (field.startsWith('*/')) {
    const step = Number(field.slice(2))
    return new Set(Array.from({ length: Math.ceil(60 / step) }, (_, index) => index * step))
  }
  const set = new Set<number>()
  for (const part of field.split(',')) {
    const [from = 0, to = from] = part.split('-').map(Number)
    for (let value = from; value <= to; value++) set.add(value)
  }
  return set
}
