/** Options with which a schedule is made, and the rules between two of them. Any thread. */
import { cronTicks } from '../schedule/cron-ticks.ts'
import { show } from '../words/names.ts'
import type { ScheduleOptions } from '../words/schedule.ts'
import { DATE_MS_MAX } from './option-bounds.ts'
import { integer, invalid, oneOf } from './option-rules.ts'
import { check, type Filled, type Given, type Table } from './option-table.ts'

/** Longest pattern. */
const CRON_CHARS_MAX = 1_000

export interface CheckedScheduleOptions extends Filled<ScheduleOptions, 'cron' | 'everyMs' | 'timeZone'>, Given {}

const SCHEDULE: Table<CheckedScheduleOptions> = {
  cron: { missing: () => undefined, check: text },
  everyMs: integer(1, DATE_MS_MAX, undefined),
  timeZone: { missing: () => undefined, check: text },
  missed: oneOf(['skip', 'once', 'all'], 'once'),
  overlap: oneOf(['send', 'skip'], 'send'),
}

/** @throws MillraceError MILL_UNKNOWN_OPTION, MILL_INVALID_OPTION, MILL_OUT_OF_RANGE */
export function checkScheduleOptions(options: ScheduleOptions | undefined): CheckedScheduleOptions {
  return check('schedule', SCHEDULE, options, checked => {
    const { cron, everyMs, timeZone } = checked
    if (cron === undefined && everyMs === undefined)
      throw invalid('a schedule needs `cron`, such as "30 2 * * *", or `everyMs`, such as 60_000')
    if (cron !== undefined && everyMs !== undefined)
      throw invalid('a schedule has either `cron` or `everyMs`, not both: make two schedules')
    if (everyMs !== undefined && timeZone !== undefined)
      throw invalid('`timeZone` is for `cron`: an interval of `everyMs` is the same in all zones; leave it out')
    if (cron !== undefined) checkPattern(cron, timeZone)
    return checked
  })
}

function checkPattern(cron: string, timeZone = 'UTC'): void {
  let first: number | null
  try {
    first = cronTicks(cron, timeZone).next(0)
  } catch (error) {
    throw invalid((error as Error).message)
  }
  if (first === null)
    throw invalid(`\`cron\` ${show(cron)} names no day that ever comes: look at its day of the month and its month`)
}

function text(value: unknown, at: string): string {
  if (typeof value === 'string' && value.length <= CRON_CHARS_MAX) return value
  const what = at === 'cron' ? 'a pattern such as "30 2 * * *"' : 'an IANA name such as "Europe/Berlin"'
  throw invalid(`\`${at}\` must be ${what}, not ${show(value)}`)
}
