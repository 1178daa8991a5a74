/**
 * `defineTopic`, `defineQueue`, `defineExchange` and `defineHandler`: the declarations that producers, consumers and worker threads share.
 *
 * Leaf module, any thread; a handler module is loaded in every handler thread. All check at once, so that a mistake
 * shows where it is written and not when a record arrives.
 */
import { types } from 'node:util'
import { closest } from '../base/closest.ts'
import { MillraceError } from '../words/errors.ts'
import type { ExchangeDefinition, ExchangeOptions } from '../words/exchange.ts'
import type { BatchHandler, Handler, RecordsHandler } from '../words/handler.ts'
import { checkName, show } from '../words/names.ts'
import type { QueueBatchHandler, QueueHandler } from '../words/queue-handler.ts'
import type { QueueDefinition, QueueOptions } from '../words/queue-options.ts'
import type { TopicDefinition, TopicOptions } from '../words/topic-definition.ts'
import { checkExchangeOptions } from './exchange-options.ts'
import type { Given } from './option-table.ts'
import { checkQueueOptions } from './queue-options.ts'
import { checkTopicOptions } from './topic-options.ts'

const BRAND = Symbol.for('millrace.handler')
const KINDS = ['message', 'batch', 'records'] as const
const FUNCTIONS: readonly string[] = ['start', ...KINDS, 'stop', 'snapshot', 'restore']

/** A handler of any kind: it has `message`, `batch` or `records`. */
export type AnyHandler = Pick<Handler<unknown, unknown, unknown>, 'start' | 'stop'> &
  Partial<Pick<Handler<unknown, unknown, unknown>, 'message' | 'snapshot' | 'restore'>> &
  Partial<Pick<BatchHandler<unknown, unknown, unknown>, 'batch'>> &
  Partial<Pick<RecordsHandler<unknown, unknown, unknown>, 'records'>>

/**
 * Names a topic with its options and the type of its values, for producers and handlers to share.
 *
 * @throws MillraceError `MILL_INVALID_NAME`, `MILL_INVALID_OPTION`, `MILL_OUT_OF_RANGE`, `MILL_UNKNOWN_OPTION`
 * @example
 * export const orders = defineTopic<Order>('orders', { partitions: 8 })
 * await (await broker.topic(orders)).publish({ key: order.id, value: order })
 */
export function defineTopic<V = unknown>(name: string, options?: TopicOptions): TopicDefinition<V> {
  return definition('topic', name, checkTopicOptions(options))
}

/**
 * Names a queue with its options and the types of its values and of replies to requests, for senders and handlers to share.
 *
 * @throws MillraceError `MILL_INVALID_NAME`, `MILL_INVALID_OPTION`, `MILL_OUT_OF_RANGE`, `MILL_UNKNOWN_OPTION`
 * @example
 * export const mails = defineQueue<Mail>('mails', { priorities: 3 })
 * await (await broker.queue(mails)).send({ value: mail, priority: 2 })
 */
export function defineQueue<V = unknown, R = unknown>(name: string, options?: QueueOptions): QueueDefinition<V, R> {
  return definition('queue', name, checkQueueOptions(options))
}

/**
 * Names an exchange with its options and the type of its values, for publishers and handlers to share.
 *
 * @throws MillraceError `MILL_INVALID_NAME`, `MILL_INVALID_OPTION`, `MILL_UNKNOWN_OPTION`
 * @example
 * export const events = defineExchange<Event>('events', { type: 'topic' })
 * await (await broker.exchange(events)).publish('orders.eu.paid', { value: event })
 */
export function defineExchange<V = unknown>(name: string, options?: ExchangeOptions): ExchangeDefinition<V> {
  return definition('exchange', name, checkExchangeOptions(options))
}

/** Only the given options: a default must not contradict what exists already. */
function definition<O>(
  kind: 'topic' | 'queue' | 'exchange',
  name: string,
  checked: O & Given,
): { name: string; options: O } {
  const given = Object.fromEntries(Object.entries(checked).filter(([key]) => checked.given.has(key)))
  return Object.freeze({ name: checkName(kind, name), options: Object.freeze(given) as O })
}

/**
 * Makes a handler for `run` (as the module's default export) or `handle`, of a group or a queue: one state per partition or consumer.
 *
 * Returns the same object, marked as a handler. The type of its values comes from the topic or queue, or from the type of
 * `delivery`. Its state has the type of the result of `start`, its results that of `stop`.
 *
 * @throws MillraceError `MILL_HANDLER` without `message`, `batch` or `records`, with more than one of them, or with a function of another name
 * @example
 * export default defineHandler(orders, {
 *   start: () => ({ total: 0 }),
 *   message(delivery, state) { state.total += delivery.value.amount },
 *   stop: (state) => state.total,
 * })
 */
export function defineHandler<V = unknown, S = undefined, R = undefined>(handler: Handler<V, S, R>): Handler<V, S, R>
export function defineHandler<V = unknown, S = undefined, R = undefined>(
  handler: BatchHandler<V, S, R>,
): BatchHandler<V, S, R>
export function defineHandler<V = unknown, S = undefined, R = undefined>(
  handler: RecordsHandler<V, S, R>,
): RecordsHandler<V, S, R>
export function defineHandler<V, S = undefined, R = undefined>(
  topic: TopicDefinition<V>,
  handler: Handler<NoInfer<V>, S, R>,
): Handler<V, S, R>
export function defineHandler<V, S = undefined, R = undefined>(
  topic: TopicDefinition<V>,
  handler: BatchHandler<NoInfer<V>, S, R>,
): BatchHandler<V, S, R>
export function defineHandler<V, S = undefined, R = undefined>(
  topic: TopicDefinition<V>,
  handler: RecordsHandler<NoInfer<V>, S, R>,
): RecordsHandler<V, S, R>
export function defineHandler<V, S = undefined, R = undefined>(
  queue: QueueDefinition<V>,
  handler: QueueHandler<NoInfer<V>, S, R>,
): QueueHandler<V, S, R>
export function defineHandler<V, S = undefined, R = undefined>(
  queue: QueueDefinition<V>,
  handler: QueueBatchHandler<NoInfer<V>, S, R>,
): QueueBatchHandler<V, S, R>
export function defineHandler(first: unknown, second?: unknown): AnyHandler {
  const handler = second === undefined ? first : second
  if (typeof handler !== 'object' || handler === null) {
    throw invalid(`defineHandler takes an object with a \`message\` function, not ${show(handler)}`)
  }
  if (second !== undefined) checkName('topic', (first as Partial<TopicDefinition> | null)?.name)
  checkFunctions(handler as Record<string, unknown>)
  if (!Object.isExtensible(handler))
    throw invalid('defineHandler marks the object it is given: hand it over before it is frozen')
  return Object.defineProperty(handler, BRAND, { value: true }) as AnyHandler
}

/** Whether `value` was made by `defineHandler`, of any copy of the package. */
export function isHandler(value: unknown): value is AnyHandler {
  return typeof value === 'object' && value !== null && (value as { readonly [BRAND]?: unknown })[BRAND] === true
}

function checkFunctions(handler: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(handler)) {
    if (typeof value !== 'function' || FUNCTIONS.includes(name)) continue
    const meant = closest(name, FUNCTIONS)
    const help =
      meant === undefined
        ? 'a handler has `start`, one of `message`, `batch` and `records`, `stop`, and `snapshot` with `restore`; keep helpers outside of it'
        : `did you mean \`${meant}\`?`
    throw invalid(`a handler has no function ${show(name)}: ${help}`)
  }
  const kinds = KINDS.filter(kind => handler[kind] !== undefined)
  if (kinds.length === 0) {
    throw invalid(
      'a handler needs a `message` function, which is called for every record, a `batch` function, which is called with several, or a `records` function, which moves over them',
    )
  }
  if (kinds.length > 1)
    throw invalid(`a handler has one of \`message\`, \`batch\` and \`records\`, not ${kinds.join(' and ')}`)
  if ((handler.snapshot === undefined) !== (handler.restore === undefined))
    throw invalid('`snapshot` and `restore` belong together: give both, or neither')
  for (const name of FUNCTIONS) {
    const value = handler[name]
    if (value !== undefined && typeof value !== 'function')
      throw invalid(`a handler's \`${name}\` must be a function, not ${show(value)}`)
  }
  if (types.isAsyncFunction(handler.records)) {
    throw invalid(
      "a handler's `records` must not be async: its cursor ends with the call; make it synchronous, or give a `batch` function, which may wait",
    )
  }
}

function invalid(message: string): MillraceError {
  return new MillraceError('MILL_HANDLER', message)
}
