/** Options with which a queue is opened, those of the ways to consume from it, and the rules between two of them. Any thread. */
import { availableParallelism } from 'node:os'
import type { RestartOptions } from '../words/common-options.ts'
import type { BackoffOptions, BatchOptions } from '../words/group-options.ts'
import {
  MESSAGE_EXTRA_BYTES_MAX,
  MESSAGE_ID_EXTRA_BYTES_MAX,
  PREFETCH_MAX,
  PRIORITIES_MAX,
} from '../words/queue-bounds.ts'
import type { CancelOptions } from '../words/queue-cancel.ts'
import type { NackOptions } from '../words/queue-delivery.ts'
import type {
  QueueConsumeOptions,
  QueueHandleOptions,
  QueueObserveOptions,
  QueueOptions,
  QueueRunOptions,
} from '../words/queue-options.ts'
import { RESTART, rate } from './common-options.ts'
import { BACKOFF, BATCH, RESOURCE_LIMITS, raisedCeiling, UNTIL } from './group-options.ts'
import { handlerUrl } from './handler-url.ts'
import { COUNT_MAX, DATE_MS_MAX, KIB, MIB, TIMER_MS_MAX } from './option-bounds.ts'
import { grouped, integer, invalid, number, oneOf, outOfRange, signal, topicName } from './option-rules.ts'
import { check, type Filled, type Given, nested, type Table } from './option-table.ts'

/** Of `consume` and `observe`, where nothing is learnt. */
const PREFETCH = 100
const PRIORITY_MAX = 1_000
const IDS_MAX = 10_000_000
/** Room for this much is there when `maxBytes` is not given. */
const BYTES: number = 256 * KIB
const BYTES_MAX: number = 128 * MIB
/** What a record takes in a window beside the message. */
const RECORD_EXTRA_BYTES: number = KIB

export interface CheckedQueueOptions
  extends Filled<QueueOptions, 'durability' | 'deadLetter' | 'dedupeMaxIds' | 'rate' | 'sendRate'>,
    Given {
  readonly backoff: Filled<BackoffOptions>
  /** Shared memory for its messages, a power of two. */
  readonly windowBytes: number
}

export interface CheckedQueueConsumeOptions extends Filled<QueueConsumeOptions, 'signal' | 'until'>, Given {}

export interface CheckedQueueObserveOptions extends Filled<QueueObserveOptions, 'signal'>, Given {}

export interface CheckedQueueHandleOptions extends Filled<QueueHandleOptions, 'output' | 'prefetch' | 'signal'>, Given {
  readonly batch: Filled<BatchOptions>
}

export interface CheckedQueueRunOptions
  extends Filled<QueueRunOptions, 'output' | 'prefetch' | 'resourceLimits' | 'signal'>,
    Given {
  readonly batch: Filled<BatchOptions>
  readonly restart: Filled<RestartOptions>
  /** A `file:` URL as text, whichever way it was given. */
  readonly handler: string
}

type Asked = Omit<CheckedQueueOptions, 'windowBytes'>

const QUEUE: Table<Asked> = {
  codec: oneOf(['json', 'bytes', 'string'], 'json'),
  maxMessageBytes: integer(1, 16 * MIB, 64 * KIB),
  durability: { missing: () => undefined, check: oneOf(['memory', 'os', 'fsync'], 'memory').check },
  priorities: integer(1, PRIORITIES_MAX, 1),
  maxMessages: integer(1, COUNT_MAX, Number.POSITIVE_INFINITY, 'or Infinity'),
  maxBytes: integer(4 * KIB, BYTES_MAX, BYTES),
  onFull: oneOf(['wait', 'reject', 'dropHead'], 'wait'),
  messageTtlMs: number(1, DATE_MS_MAX, Number.POSITIVE_INFINITY, 'or Infinity'),
  dedupeMs: integer(0, DATE_MS_MAX, 0),
  dedupeMaxIds: integer(1, IDS_MAX, undefined),
  attempts: integer(1, 1_000, 5, 'or Infinity'),
  backoff: nested(BACKOFF, raisedCeiling),
  deadLetter: { missing: () => undefined, check: (value, at) => (value === false ? value : topicName(value, at)) },
  singleActive: flag(false),
  keyConcurrency: integer(1, COUNT_MAX, Number.POSITIVE_INFINITY, 'or Infinity'),
  keyOrder: oneOf(['fifo', 'fair'], 'fifo'),
  rate,
  sendRate: rate,
}

const CONSUMER: Table<Pick<CheckedQueueConsumeOptions, 'ackTimeoutMs' | 'consumerPriority' | 'signal'>> = {
  ackTimeoutMs: number(1, TIMER_MS_MAX, Number.POSITIVE_INFINITY, 'or Infinity'),
  consumerPriority: integer(-PRIORITY_MAX, PRIORITY_MAX, 0),
  signal: { missing: () => undefined, check: signal },
}

const CONSUME: Table<CheckedQueueConsumeOptions> = {
  ...CONSUMER,
  prefetch: integer(1, PREFETCH_MAX, PREFETCH),
  until: UNTIL,
}

const CANCEL: Table<Filled<CancelOptions> & Given> = { graceMs: integer(0, TIMER_MS_MAX, 1_000) }

const NACK: Table<Filled<NackOptions, 'delayMs'> & Given> = { delayMs: number(0, DATE_MS_MAX, undefined) }

const OBSERVE: Table<CheckedQueueObserveOptions> = { ...CONSUMER, window: integer(1, PREFETCH_MAX, PREFETCH) }

const HANDLE: Table<CheckedQueueHandleOptions> = {
  prefetch: integer(1, PREFETCH_MAX, undefined),
  concurrency: integer(1, 256, 1),
  batch: nested(BATCH),
  handlerTimeoutMs: number(1, TIMER_MS_MAX, 30_000, 'or Infinity'),
  delivery: oneOf(['at-least-once', 'at-most-once'], 'at-least-once'),
  consumerPriority: CONSUMER.consumerPriority,
  output: { missing: () => undefined, check: topicName },
  signal: CONSUMER.signal,
}

const RUN: Table<CheckedQueueRunOptions> = {
  ...HANDLE,
  handler: { missing: () => handlerUrl(undefined), check: handlerUrl },
  threads: integer(1, 256, () => Math.min(256, Math.max(1, availableParallelism() - 1))),
  data: { missing: () => undefined, check: value => value },
  resourceLimits: { missing: () => undefined, check: nested(RESOURCE_LIMITS).check },
  restart: nested(RESTART),
}

/** With the memory that the queue needs. @throws MillraceError, as all below */
export function checkQueueOptions(options: unknown): CheckedQueueOptions {
  const checked = check<Asked & Given>('queue', QUEUE, options, bounded)
  if (checked.keyOrder === 'fair' && checked.keyConcurrency === Number.POSITIVE_INFINITY)
    throw invalid("`keyOrder: 'fair'` needs a `keyConcurrency`, so that keys can take turns: give it as well, as 1")
  return Object.freeze({ ...checked, windowBytes: windowOf(checked) })
}

export function checkQueueRunOptions(options: unknown): CheckedQueueRunOptions {
  return check<CheckedQueueRunOptions>('queue run', RUN, options, handled)
}

export function checkQueueHandleOptions(options: unknown): CheckedQueueHandleOptions {
  return check<CheckedQueueHandleOptions>('queue handle', HANDLE, options, handled)
}

export function checkQueueConsumeOptions(options: unknown): CheckedQueueConsumeOptions {
  return check<CheckedQueueConsumeOptions>('queue consume', CONSUME, options)
}

export function checkQueueObserveOptions(options: unknown): CheckedQueueObserveOptions {
  return check<CheckedQueueObserveOptions>('queue observe', OBSERVE, options)
}

export function checkCancelOptions(options: unknown): Filled<CancelOptions> {
  return check<Filled<CancelOptions> & Given>('cancel', CANCEL, options)
}

export function checkNackOptions(options: unknown): NackOptions {
  return check<Filled<NackOptions, 'delayMs'> & Given>('nack', NACK, options)
}

/** The largest message must have room, and what makes room for others must have a bound to keep. */
function bounded(checked: Asked): Asked {
  const { given, maxBytes, maxMessageBytes, onFull, dedupeMs } = checked
  const extra = MESSAGE_EXTRA_BYTES_MAX + (dedupeMs > 0 ? MESSAGE_ID_EXTRA_BYTES_MAX : 0)
  const least = maxMessageBytes + extra
  if (!given.has('maxBytes'))
    return { ...checked, maxBytes: onFull === 'dropHead' ? Math.max(BYTES, least) : Number.POSITIVE_INFINITY }
  if (maxBytes >= least) return checked
  if (!given.has('maxMessageBytes')) return { ...checked, maxMessageBytes: maxBytes - extra }
  throw outOfRange(
    `\`maxBytes\` must be from ${grouped(least)} (\`maxMessageBytes\` and ${extra}) to ` +
      `${grouped(BYTES_MAX)}, not ${grouped(maxBytes)}: raise it, or lower \`maxMessageBytes\``,
  )
}

/** Half of a window is for messages; the other half is what keeps it in order. */
function windowOf({ maxBytes, maxMessageBytes }: Asked): number {
  const bytes = maxBytes === Number.POSITIVE_INFINITY ? BYTES : maxBytes
  return 2 ** Math.ceil(Math.log2(Math.max(2 * bytes, 4 * (maxMessageBytes + RECORD_EXTRA_BYTES))))
}

/** What was acked before its handler cannot be told apart in a batch that fails. */
function handled<C extends CheckedQueueHandleOptions>(checked: C): C {
  if (checked.delivery !== 'at-most-once' || !checked.given.has('batch')) return checked
  throw invalid(
    "`batch` is for `delivery: 'at-least-once'`: at most once, messages are handled one by one and not retried",
  )
}

function flag(fallback: boolean): Table<{ readonly flag: boolean }>['flag'] {
  return {
    missing: () => fallback,
    check: (value, at) => {
      if (typeof value === 'boolean') return value
      throw invalid(`\`${at}\` must be true or false, not ${typeof value === 'string' ? `'${value}'` : String(value)}`)
    },
  }
}
