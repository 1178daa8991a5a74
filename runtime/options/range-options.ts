/** Options of `replay` and `seek`: which part of a topic is meant. Any thread. */

import type { RangeOptions, SeekOptions } from '../words/group.ts'
import { integer, signal } from './option-rules.ts'
import { check, type Filled, type Given, type Table } from './option-table.ts'

export interface CheckedRangeOptions extends Filled<RangeOptions, 'partition' | 'signal'>, Given {}

export interface CheckedSeekOptions extends Filled<SeekOptions, 'partition'>, Given {}

const SEEK: Table<CheckedSeekOptions> = {
  partition: integer(0, 1_023, undefined),
}

const RANGE: Table<CheckedRangeOptions> = {
  partition: integer(0, 1_023, undefined),
  // What it may be is said where it is read (start-position.ts in `api`).
  from: { missing: () => 'earliest', check: value => value as 'earliest' },
  signal: { missing: () => undefined, check: signal },
}

export function checkRangeOptions(options: unknown): CheckedRangeOptions {
  return check<CheckedRangeOptions>('replay', RANGE, options)
}

export function checkSeekOptions(options: unknown): CheckedSeekOptions {
  return check<CheckedSeekOptions>('seek', SEEK, options)
}
