/** Options of `publish`, `publishBatch` and `writable`, and of `publish` by an exchange. Any thread. */

import type { RouteOptions } from '../words/exchange.ts'
import type { PublishOptions, WritableOptions } from '../words/message.ts'
import { TIMER_MS_MAX } from './option-bounds.ts'
import { integer, number, oneOf, signal } from './option-rules.ts'
import { check, type Filled, type Given, type Table } from './option-table.ts'

export interface CheckedPublishOptions extends Filled<PublishOptions, 'signal' | 'timeoutMs'>, Given {}

export interface CheckedWritableOptions extends Filled<WritableOptions, 'signal' | 'timeoutMs'>, Given {}

export interface CheckedRouteOptions extends Filled<RouteOptions, 'signal' | 'timeoutMs'>, Given {}

const PUBLISH: Table<CheckedPublishOptions> = {
  signal: { missing: () => undefined, check: signal },
  // The default depends on what is waited for (pending-publish.ts).
  timeoutMs: number(1, TIMER_MS_MAX, undefined, 'or Infinity'),
}

const ROUTE: Table<CheckedRouteOptions> = {
  ...PUBLISH,
  unroutable: oneOf(['reject', 'drop'], 'reject'),
}

const WRITABLE: Table<CheckedWritableOptions> = {
  ...PUBLISH,
  highWaterMark: integer(1, 65_536, 1_024),
}

const PUBLISH_DEFAULTS: CheckedPublishOptions = check('publish', PUBLISH, undefined)

const ROUTE_DEFAULTS: CheckedRouteOptions = check('publish', ROUTE, undefined)

/** Called for every publish, nearly always without options, which then costs nothing. */
export function checkPublishOptions(options: unknown): CheckedPublishOptions {
  return options === undefined ? PUBLISH_DEFAULTS : check<CheckedPublishOptions>('publish', PUBLISH, options)
}

export function checkWritableOptions(options: unknown): CheckedWritableOptions {
  return check<CheckedWritableOptions>('writable', WRITABLE, options)
}

/** The same for a publish by an exchange. */
export function checkRouteOptions(options: unknown): CheckedRouteOptions {
  return options === undefined ? ROUTE_DEFAULTS : check<CheckedRouteOptions>('publish', ROUTE, options)
}
