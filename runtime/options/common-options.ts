/** Options that several calls share: restarts, rates, and how long closing may take. Any thread. */

import type { CloseOptions, Rate, RestartOptions } from '../words/common-options.ts'
import { COUNT_MAX, TIMER_MS_MAX } from './option-bounds.ts'
import { integer, number, type Rule, required } from './option-rules.ts'
import { check, type Filled, type Given, nested, type Table } from './option-table.ts'

export const RESTART: Table<Filled<RestartOptions>> = {
  intensity: integer(0, COUNT_MAX, 10),
  periodMs: number(1, TIMER_MS_MAX, 10_000),
}

const RATE: Table<Rate> = {
  max: required(integer(1, COUNT_MAX, 1)),
  perMs: required(number(1, TIMER_MS_MAX, 1)),
}

/** A rate; not given: there is no limit. */
export const rate: Rule<Rate | undefined> = { missing: () => undefined, check: nested<Rate>(RATE).check }

export interface CheckedCloseOptions extends Filled<CloseOptions>, Given {}

/** Docker kills what has not ended 10 s after SIGTERM. */
const CLOSE: Table<CheckedCloseOptions> = {
  timeoutMs: number(1, TIMER_MS_MAX, 8_000, 'or Infinity'),
}

/** As long as a handler has by default. */
const STOP: Table<CheckedCloseOptions> = {
  timeoutMs: number(1, TIMER_MS_MAX, 30_000, 'or Infinity'),
}

export function checkCloseOptions(options: unknown): CheckedCloseOptions {
  return check<CheckedCloseOptions>('close', CLOSE, options)
}

export function checkStopOptions(options: unknown): CheckedCloseOptions {
  return check<CheckedCloseOptions>('stop', STOP, options)
}
