/**
 * Checks every options object that callers hand in, once, into a frozen object in which every default is filled in.
 *
 * Leaf module, any thread. An option is one line of a table below, and the compiler holds the tables against types.ts.
 * Invariants: only own keys count, each is read once, and `undefined` means "not given". `given` names what was given,
 * so that opening an existing topic compares only that.
 */
import { availableParallelism } from 'node:os'
import { closest } from '../base/closest.ts'
import type { BrokerOptions } from '../words/broker.ts'
import type { CloseOptions, RestartOptions } from '../words/common-options.ts'
import { MillraceError } from '../words/errors.ts'
import type { RangeOptions, SeekOptions } from '../words/group.ts'
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
import type { PublishOptions, WritableOptions } from '../words/message.ts'
import { show } from '../words/names.ts'
import type { TopicOptions } from '../words/topic-definition.ts'
import { handlerUrl } from './handler-url.ts'
import {
  folder,
  grouped,
  groupNames,
  integer,
  invalid,
  logger,
  mode,
  number,
  oneOf,
  outOfRange,
  PARTITIONS_MAX,
  partitioner,
  type Rule,
  signal,
  topicName,
} from './option-rules.ts'

/** Options with every default filled in; only those named in `Unset` may still be `undefined`. */
export type Filled<O, Unset extends keyof O = never> = {
  readonly [K in keyof O]-?: K extends Unset ? O[K] | undefined : Exclude<O[K], undefined>
}

export interface Given {
  /** The options that the caller gave a value. */
  readonly given: ReadonlySet<string>
}

export interface CheckedTopicOptions extends Filled<TopicOptions, 'durability'>, Given {}

export interface CheckedBrokerOptions extends Filled<BrokerOptions, 'dir' | 'logger'>, Given {
  readonly restart: Filled<RestartOptions>
}

export interface CheckedConsumeOptions extends Filled<ConsumeOptions, 'deadLetter' | 'signal'>, Given {
  readonly backoff: Filled<BackoffOptions>
}

export interface CheckedObserveOptions extends Filled<ObserveOptions, 'deadLetter' | 'signal'>, Given {
  readonly backoff: Filled<BackoffOptions>
}

export interface CheckedStreamOptions extends Filled<StreamOptions, 'deadLetter' | 'signal'>, Given {
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

export interface CheckedPublishOptions extends Filled<PublishOptions, 'signal'>, Given {}

export interface CheckedWritableOptions extends Filled<WritableOptions, 'signal'>, Given {}

export interface CheckedRangeOptions extends Filled<RangeOptions, 'partition' | 'signal'>, Given {}

export interface CheckedSeekOptions extends Filled<SeekOptions, 'partition'>, Given {}

export interface CheckedCloseOptions extends Filled<CloseOptions>, Given {}

export type Table<C> = { readonly [K in keyof Omit<C, 'given'>]: Rule<C[K]> }

const KIB = 1_024
const MIB = 1_024 * KIB
const GIB = 1_024 * MIB
export const TIMER_MS_MAX: number = 2 ** 31 - 1
export const COUNT_MAX = 1_000_000

const RESTART: Table<Filled<RestartOptions>> = {
  intensity: integer(0, COUNT_MAX, 10),
  periodMs: number(1, TIMER_MS_MAX, 10_000),
}

const BACKOFF: Table<Filled<BackoffOptions>> = {
  initialMs: number(0, TIMER_MS_MAX, 100),
  maxMs: number(0, TIMER_MS_MAX, 10_000),
  jitter: number(0, 1, 0.2),
}

const BATCH: Table<Filled<BatchOptions>> = {
  maxRecords: integer(1, 1_000, 100),
  maxWaitMs: number(0, 60_000, 0),
}

const RESOURCE_LIMITS: Table<Filled<ResourceLimits, keyof ResourceLimits>> = {
  maxOldGenerationSizeMb: number(1, MIB, undefined),
  maxYoungGenerationSizeMb: number(1, MIB, undefined),
  codeRangeSizeMb: number(1, MIB, undefined),
  stackSizeMb: number(1, KIB, undefined),
}

const TOPIC: Table<CheckedTopicOptions> = {
  partitions: integer(1, PARTITIONS_MAX, 1),
  codec: oneOf(['json', 'bytes', 'string'], 'json'),
  maxMessageBytes: integer(1, 64 * MIB, MIB),
  windowBytes: integer(64 * KIB, 256 * MIB, 2 * MIB),
  onFull: oneOf(['wait', 'reject'], 'wait'),
  partitioner: { missing: () => 'default', check: partitioner },
  groups: { missing: () => Object.freeze([]), check: groupNames },
  durability: { missing: () => undefined, check: oneOf(['memory', 'os', 'fsync'], 'memory').check },
  retentionMs: number(1, Number.MAX_SAFE_INTEGER, 7 * 24 * 60 * 60 * 1_000, 'or Infinity'),
  retentionBytes: integer(64 * KIB, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY, 'or Infinity'),
  segmentBytes: integer(64 * KIB, GIB, 64 * MIB),
}

/** Partitions that are added to a topic. */
const MORE_PARTITIONS: Rule<number> = integer(1, PARTITIONS_MAX - 1, 1)

const BROKER: Table<CheckedBrokerOptions> = {
  dir: { missing: () => undefined, check: folder },
  dirMode: mode(0o700),
  fileMode: mode(0o600),
  memoryMaxBytes: integer(4 * MIB, 2 * GIB - 64 * KIB, 512 * MIB),
  partitionThreads: integer(1, 64, () => (availableParallelism() >= 8 ? 2 : 1)),
  logger: { missing: () => undefined, check: logger },
  restart: nested(RESTART),
  deadLetterDepth: integer(1, COUNT_MAX, 1_000, 'or Infinity'),
}

const CONSUME: Table<CheckedConsumeOptions> = {
  attempts: integer(1, COUNT_MAX, 5, 'or Infinity'),
  backoff: nested(BACKOFF, raisedCeiling),
  deadLetter: { missing: () => undefined, check: (value, at) => (value === false ? value : topicName(value, at)) },
  from: oneOf(['earliest', 'latest'], 'earliest'),
  retryOrder: oneOf(['partition', 'key', 'none'], 'partition'),
  signal: { missing: () => undefined, check: signal },
}

const OBSERVE: Table<CheckedObserveOptions> = {
  ...CONSUME,
  window: integer(1, 65_536, 1_024),
}

const STREAM: Table<CheckedStreamOptions> = {
  ...CONSUME,
  highWaterMark: integer(1, 65_536, 64),
}

const HANDLE: Table<CheckedHandleOptions> = {
  ...CONSUME,
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

const PUBLISH: Table<CheckedPublishOptions> = {
  signal: { missing: () => undefined, check: signal },
  timeoutMs: number(1, TIMER_MS_MAX, 60_000, 'or Infinity'),
}

const WRITABLE: Table<CheckedWritableOptions> = {
  ...PUBLISH,
  highWaterMark: integer(1, 65_536, 1_024),
}

const SEEK: Table<CheckedSeekOptions> = {
  partition: integer(0, 1_023, undefined),
}

const RANGE: Table<CheckedRangeOptions> = {
  partition: integer(0, 1_023, undefined),
  // Checked where it is read (start-position.ts).
  from: { missing: () => 'earliest', check: value => value as 'earliest' },
  signal: { missing: () => undefined, check: signal },
}

/** Docker kills what has not ended 10 s after SIGTERM. */
const CLOSE: Table<CheckedCloseOptions> = {
  timeoutMs: number(1, TIMER_MS_MAX, 8_000, 'or Infinity'),
}

/** Equal to the default time of a handler. */
const STOP: Table<CheckedCloseOptions> = {
  timeoutMs: number(1, TIMER_MS_MAX, 30_000, 'or Infinity'),
}

const PUBLISH_DEFAULTS: CheckedPublishOptions = check('publish', PUBLISH, undefined)

/** `windowBytes` comes back as the power of two that is used. @throws MillraceError, as all below */
export function checkTopicOptions(options: unknown): CheckedTopicOptions {
  return check<CheckedTopicOptions>('topic', TOPIC, options, checked => ({
    ...checked,
    windowBytes: roundedWindow(checked),
  }))
}

export function checkBrokerOptions(options: unknown): CheckedBrokerOptions {
  return check<CheckedBrokerOptions>('broker', BROKER, options)
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

/** Called for every publish, nearly always without options, which then costs nothing. */
export function checkPublishOptions(options: unknown): CheckedPublishOptions {
  return options === undefined ? PUBLISH_DEFAULTS : check<CheckedPublishOptions>('publish', PUBLISH, options)
}

export function checkRangeOptions(options: unknown): CheckedRangeOptions {
  return check<CheckedRangeOptions>('replay', RANGE, options)
}

export function checkSeekOptions(options: unknown): CheckedSeekOptions {
  return check<CheckedSeekOptions>('seek', SEEK, options)
}

export function checkStreamOptions(options: unknown): CheckedStreamOptions {
  return check<CheckedStreamOptions>('stream', STREAM, options, withSomewhereToGo)
}

export function checkWritableOptions(options: unknown): CheckedWritableOptions {
  return check<CheckedWritableOptions>('writable', WRITABLE, options)
}

/** How many partitions are to be added. @throws MillraceError MILL_INVALID_OPTION, MILL_OUT_OF_RANGE */
export function checkPartitionCount(count: unknown): number {
  return MORE_PARTITIONS.check(count, 'count')
}

export function checkCloseOptions(options: unknown): CheckedCloseOptions {
  return check<CheckedCloseOptions>('close', CLOSE, options)
}

export function checkStopOptions(options: unknown): CheckedCloseOptions {
  return check<CheckedCloseOptions>('stop', STOP, options)
}

// -- reading a table ---------------------------------------------------------------------------------------------

export function check<C extends Given>(
  kind: string,
  table: Table<C>,
  options: unknown,
  finish: (checked: C) => C = checked => checked,
): C {
  const given = new Set<string>()
  const values = readTable(table, options === undefined ? {} : options, `${kind} options`, '', given)
  return Object.freeze(finish(Object.assign(values, { given })))
}

/** Nested options are frozen too; `finish` settles what depends on two of them. */
function nested<C extends object>(
  table: Table<C>,
  finish: (checked: C, given: ReadonlySet<string>, at: string) => C = checked => checked,
): Rule<C> {
  const read = (value: unknown, at: string): C => {
    const given = new Set<string>()
    return Object.freeze(finish(readTable(table, value, `\`${at}\``, `${at}.`, given), given, at))
  }
  return { missing: at => read({}, at), check: read }
}

function readTable<C>(table: Table<C>, options: unknown, what: string, prefix: string, given: Set<string>): C {
  if (typeof options !== 'object' || options === null || Array.isArray(options) || options instanceof URL)
    throw invalid(`${what} must be an object, not ${show(options)}${adviceOnOptions(what, options)}`)
  for (const key of Reflect.ownKeys(options)) {
    if (!Object.hasOwn(table, key)) throw unknownOption(key, prefix, Object.keys(table))
  }
  const values: Record<string, unknown> = {}
  for (const [key, rule] of Object.entries<Rule<unknown>>(table)) {
    const at = prefix + key
    const value: unknown = Object.hasOwn(options, key) ? Reflect.get(options, key) : undefined
    if (value !== undefined) given.add(key)
    values[key] = value === undefined ? rule.missing(at) : rule.check(value, at)
  }
  return values as C
}

function adviceOnOptions(what: string, given: unknown): string {
  if (what !== 'run options') return ''
  if (typeof given === 'function') return ': group.handle takes a function; run takes { handler: URL of a module }'
  return given instanceof URL || typeof given === 'string' ? ': write { handler: new URL(…) }' : ''
}

function unknownOption(key: string | symbol, prefix: string, known: readonly string[]): MillraceError {
  const quoted = (name: string): string => `\`${prefix}${name}\``
  const shown = typeof key === 'symbol' ? show(key) : /^\w{1,60}$/.test(key) ? quoted(key) : show(prefix + key)
  const meant = typeof key === 'symbol' ? undefined : closest(key, known)
  const help = meant === undefined ? `known are ${known.map(quoted).join(', ')}` : `did you mean ${quoted(meant)}?`
  return new MillraceError('MILL_UNKNOWN_OPTION', `unknown option ${shown}: ${help}`)
}

// -- rules over two options --------------------------------------------------------------------------------------

function roundedWindow({ given, maxMessageBytes, windowBytes }: CheckedTopicOptions): number {
  // A record lies in one piece: in a window of twice the largest, one fits wherever the last one ended.
  const minimum = 2 * maxMessageBytes
  if (given.has('windowBytes') && windowBytes < minimum) {
    throw outOfRange(
      `\`windowBytes\` must be from ${grouped(minimum)} (twice \`maxMessageBytes\`) to ${grouped(256 * MIB)}, ` +
        `not ${grouped(windowBytes)}: raise it, or lower \`maxMessageBytes\``,
    )
  }
  return 2 ** Math.ceil(Math.log2(Math.max(windowBytes, minimum)))
}

/** A first wait beyond the default ceiling raises that ceiling; beyond a given one it is a contradiction. */
function raisedCeiling(
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

/** At most once, one record is in hand and there is one attempt. A failure without a dead-letter topic is only counted. */
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
