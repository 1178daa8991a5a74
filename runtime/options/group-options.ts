/** Options of the ways to read a group, and the rules between two of them. Any thread. */
import { availableParallelism } from 'node:os'
import type { RestartOptions } from '../words/common-options.ts'
import type {
  BackoffOptions,
  BatchOptions,
  ConsumeOptions,
  HandleOptions,
  ObserveOptions,
  ResourceLimits,
  RunOptions,
  StreamOptions,
} from '../words/group-options.ts'
import { RESTART } from './common-options.ts'
import { handlerUrl } from './handler-url.ts'
import { COUNT_MAX, KIB, MIB, TIMER_MS_MAX } from './option-bounds.ts'
import {
  grouped,
  integer,
  invalid,
  number,
  oneOf,
  optional,
  outOfRange,
  type Rule,
  signal,
  topicName,
} from './option-rules.ts'
import { check, type Filled, type Given, nested, type Table } from './option-table.ts'

export interface CheckedConsumeOptions extends Filled<ConsumeOptions, 'deadLetter' | 'signal' | 'until'>, Given {
  readonly backoff: Filled<BackoffOptions>
}

export interface CheckedObserveOptions extends Filled<ObserveOptions, 'deadLetter' | 'signal'>, Given {
  readonly backoff: Filled<BackoffOptions>
}

export interface CheckedStreamOptions extends Filled<StreamOptions, 'deadLetter' | 'signal' | 'until'>, Given {
  readonly backoff: Filled<BackoffOptions>
}

export interface CheckedHandleOptions extends Filled<HandleOptions, 'deadLetter' | 'output' | 'signal'>, Given {
  readonly backoff: Filled<BackoffOptions>
  readonly batch: Filled<BatchOptions>
}

export interface CheckedRunOptions
  extends Filled<RunOptions, 'deadLetter' | 'output' | 'resourceLimits' | 'signal'>,
    Given {
  readonly backoff: Filled<BackoffOptions>
  readonly batch: Filled<BatchOptions>
  readonly restart: Filled<RestartOptions>
  /** A `file:` URL as text, whichever way it was given. */
  readonly handler: string
}

export const BACKOFF: Table<Filled<BackoffOptions>> = {
  initialMs: number(0, TIMER_MS_MAX, 100),
  maxMs: number(0, TIMER_MS_MAX, 10_000),
  jitter: number(0, 1, 0.2),
}

export const BATCH: Table<Filled<BatchOptions>> = {
  maxRecords: integer(1, 1_000, 100),
  maxWaitMs: number(0, 60_000, 0),
}

export const RESOURCE_LIMITS: Table<Filled<ResourceLimits, keyof ResourceLimits>> = {
  maxOldGenerationSizeMb: number(1, MIB, undefined),
  maxYoungGenerationSizeMb: number(1, MIB, undefined),
  codeRangeSizeMb: number(1, MIB, undefined),
  stackSizeMb: number(1, KIB, undefined),
}

const GROUP: Table<Omit<CheckedConsumeOptions, 'until'>> = {
  attempts: integer(1, COUNT_MAX, 5, 'or Infinity'),
  backoff: nested(BACKOFF, raisedCeiling),
  deadLetter: { missing: () => undefined, check: (value, at) => (value === false ? value : topicName(value, at)) },
  from: oneOf(['earliest', 'latest'], 'earliest'),
  retryOrder: oneOf(['partition', 'key', 'none'], 'partition'),
  signal: { missing: () => undefined, check: signal },
}

export const UNTIL: Rule<'caught-up' | undefined> = optional(oneOf(['caught-up'], 'caught-up'))

const CONSUME: Table<CheckedConsumeOptions> = { ...GROUP, until: UNTIL }

const OBSERVE: Table<CheckedObserveOptions> = {
  ...GROUP,
  window: integer(1, 65_536, 1_024),
}

const STREAM: Table<CheckedStreamOptions> = {
  ...CONSUME,
  highWaterMark: integer(1, 65_536, 64),
}

const HANDLE: Table<CheckedHandleOptions> = {
  ...GROUP,
  delivery: oneOf(['at-least-once', 'at-most-once'], 'at-least-once'),
  concurrency: integer(1, 256, 1),
  batch: nested(BATCH),
  handlerTimeoutMs: number(1, TIMER_MS_MAX, 30_000, 'or Infinity'),
  output: { missing: () => undefined, check: topicName },
}

const RUN: Table<CheckedRunOptions> = {
  ...HANDLE,
  handler: { missing: () => handlerUrl(undefined), check: handlerUrl },
  threads: integer(1, 256, () => Math.min(256, Math.max(1, availableParallelism() - 1))),
  data: { missing: () => undefined, check: value => value },
  resourceLimits: { missing: () => undefined, check: nested(RESOURCE_LIMITS).check },
  restart: nested(RESTART),
}

export function checkRunOptions(options: unknown): CheckedRunOptions {
  return check<CheckedRunOptions>('run', RUN, options, settledDelivery)
}

export function checkHandleOptions(options: unknown): CheckedHandleOptions {
  return check<CheckedHandleOptions>('handle', HANDLE, options, settledDelivery)
}

export function checkConsumeOptions(options: unknown): CheckedConsumeOptions {
  return check<CheckedConsumeOptions>('consume', CONSUME, options, withSomewhereToGo)
}

export function checkObserveOptions(options: unknown): CheckedObserveOptions {
  return check<CheckedObserveOptions>('observe', OBSERVE, options, withSomewhereToGo)
}

export function checkStreamOptions(options: unknown): CheckedStreamOptions {
  return check<CheckedStreamOptions>('stream', STREAM, options, withSomewhereToGo)
}

/** A first wait beyond the default ceiling raises that ceiling; beyond a given one it is a contradiction. */
export function raisedCeiling(
  backoff: Filled<BackoffOptions>,
  given: ReadonlySet<string>,
  at: string,
): Filled<BackoffOptions> {
  if (backoff.maxMs >= backoff.initialMs) return backoff
  if (!given.has('maxMs')) return { ...backoff, maxMs: backoff.initialMs }
  throw outOfRange(
    `\`${at}.maxMs\` must be at least \`${at}.initialMs\` (${grouped(backoff.initialMs)}), not ${grouped(backoff.maxMs)}`,
  )
}

/** A record that has used up its attempts must have somewhere to go. */
function withSomewhereToGo<C extends Pick<CheckedConsumeOptions, 'attempts' | 'deadLetter'>>(checked: C): C {
  if (checked.deadLetter !== false || checked.attempts === Number.POSITIVE_INFINITY) return checked
  throw invalid(
    '`deadLetter: false` needs `attempts: Infinity`: after a last attempt the record would have nowhere to go',
  )
}

/** At most once there is one record in hand and one attempt, and a failure may have nowhere to go: it is counted. */
function settledDelivery<C extends CheckedHandleOptions>(checked: C): C {
  if (checked.delivery !== 'at-most-once') return withSomewhereToGo(checked)
  for (const name of ['concurrency', 'batch', 'retryOrder']) {
    if (!checked.given.has(name)) continue
    throw invalid(
      `\`${name}\` is for \`delivery: 'at-least-once'\`: at most once, a partition's records are handled one by one and not retried`,
    )
  }
  if (!checked.given.has('attempts') || checked.attempts === 1) return { ...checked, attempts: 1 }
  throw invalid(
    "`delivery: 'at-most-once'` makes one attempt: leave `attempts` out, or choose `'at-least-once'` to have failures retried",
  )
}
