/** Options of requests. Any thread. */
import type { RequestOptions } from '../words/queue-request.ts'
import { TIMER_MS_MAX } from './option-bounds.ts'
import { number, signal } from './option-rules.ts'
import { check, type Filled, type Given, type Table } from './option-table.ts'

export interface CheckedRequestOptions extends Filled<RequestOptions, 'signal'>, Given {}

const TIMEOUT_MS = 60_000

const REQUEST: Table<CheckedRequestOptions> = {
  signal: { missing: () => undefined, check: signal },
  // A request has a deadline in any case.
  timeoutMs: number(1, TIMER_MS_MAX, TIMEOUT_MS),
}

const DEFAULTS: CheckedRequestOptions = check('request', REQUEST, undefined)

/** Called for every request, mostly with the same two options or none. */
export function checkRequestOptions(options: unknown): CheckedRequestOptions {
  return options === undefined ? DEFAULTS : check<CheckedRequestOptions>('request', REQUEST, options)
}
