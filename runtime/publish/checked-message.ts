/**
 * What callers hand in as a message, checked property by property as the producer reads it.
 *
 * The producer's thread; on the path of every record, so nothing is allocated. Every property of a message is read
 * once, and all code of the caller's (accessors, toJSON) runs before anything is measured: what was measured is then
 * what is written. A message has no other fields than these, or a misspelt one would be lost without a word.
 */
import type { QueueFields } from '../log/format/queue-fields.ts'
import { adviceOn } from '../options/option-places.ts'
import type { ProducedTopic } from '../wire/produced-topic.ts'
import { bytesOf, ofFixedLength } from '../words/codec.ts'
import { MillraceError } from '../words/errors.ts'
import type { Key, Message } from '../words/message.ts'
import { show } from '../words/names.ts'
import type { QueueMessage } from '../words/queue-message.ts'
import { expiringBy, messageFields, type SendOptions } from './message-fields.ts'
import { checkedId } from './message-id.ts'

const FIELDS: readonly string[] = ['key', 'value', 'headers', 'partition', 'timestamp']
/** Those that a queue's message has and a topic's has not. */
const QUEUE_ONLY: readonly string[] = ['priority', 'delayMs', 'deliverAt', 'ttlMs', 'id']
const QUEUE_FIELDS: readonly string[] = ['key', 'value', 'headers', ...QUEUE_ONLY]
/** What a delivery or a dead letter says besides: a record is published again by handing in what it came as, or a copy. */
const ORIGINS: ReadonlySet<string> = new Set([
  'topic',
  'partition',
  'timestamp',
  'queue',
  'id',
  'priority',
  'offset',
  'keyBytes',
  'valueBytes',
  'deliveryAttempt',
  'failedAttempts',
  'group',
  'reason',
  'firstFailureMs',
  'lastFailureMs',
  'error',
  'replayed',
  'letter',
  'member',
  'codec',
  'keyIsBytes',
  'settled',
])

/** @throws MillraceError `MILL_INVALID_OPTION` for what is no message, `MILL_UNKNOWN_OPTION` for a field that no message has */
export function asMessage(message: Message): Message {
  if (typeof message !== 'object' || message === null) throw noMessage(message)
  for (const name in message) {
    // Written out: names of properties are compared as pointers, so that this costs a few nanoseconds.
    if (name !== 'key' && name !== 'value' && name !== 'headers' && name !== 'partition' && name !== 'timestamp')
      checkField(message, name)
  }
  return message
}

/** The same for a message of which it is not known yet whether it goes to a topic or a queue: it has no field that neither may have. */
export function asEitherMessage(message: Message): Message & QueueOnly {
  if (typeof message !== 'object' || message === null) throw noMessage(message)
  for (const name in message) if (!FIELDS.includes(name) && !QUEUE_ONLY.includes(name)) checkField(message, name)
  return message
}

/** The same for a message that an exchange routes: it has the fields of a queue's. */
export function asRoutedMessage(message: QueueMessage): QueueMessage {
  if (typeof message !== 'object' || message === null) throw noMessage(message)
  for (const field in message) {
    if (field !== 'key' && field !== 'value' && field !== 'headers' && !QUEUE_ONLY.includes(field))
      checkField(message, field, QUEUE_FIELDS, 'a message to an exchange')
  }
  return message
}

/** Whether a message has a key and a value and nothing else; both are still to be read. */
export function isKeyAndValue(message: QueueMessage): boolean {
  if (typeof message !== 'object' || message === null) return false
  for (const name in message) if (name !== 'key' && name !== 'value') return false
  // Accessors of a class are not named.
  const { headers, priority, delayMs, deliverAt, ttlMs, id } = message
  return (
    headers === undefined &&
    priority === undefined &&
    delayMs === undefined &&
    deliverAt === undefined &&
    ttlMs === undefined &&
    id === undefined
  )
}

export type QueueOnly = Omit<QueueMessage, keyof Message>

/** A message to a queue, each property read once. */
export interface ReadQueueMessage extends Message {
  /** Null: it has none. */
  readonly fields: QueueFields | null
}

/**
 * The same for a queue; `otherwise`: the priority of one that names none. its options are checked.
 *
 * @throws MillraceError also `MILL_OUT_OF_RANGE` for its priority, its times and its id
 */
export function asQueueMessage(
  message: Message,
  { name: queue, queue: shape }: Pick<ProducedTopic, 'name' | 'queue'>,
  otherwise = 0,
  { request, untilMs }: SendOptions = {},
): ReadQueueMessage {
  if (shape === undefined) throw new Error(`broken invariant: ${queue} is no queue`)
  const { priorities } = shape
  if (typeof message !== 'object' || message === null) throw noMessage(message)
  for (const field in message) {
    if (field !== 'key' && field !== 'value' && field !== 'headers' && !QUEUE_ONLY.includes(field))
      checkField(message, field, QUEUE_FIELDS, 'a message to a queue')
  }
  const { key, value, headers, priority = otherwise, delayMs, deliverAt, ttlMs, id: given } = message as QueueMessage
  checkPriority(priority, queue, priorities)
  // That of a delivery is the name of what it was: sent again, it is another message.
  const id = given === undefined || isRecord(message) ? null : checkedId(given, queue, shape)
  const own = messageFields(priority, { delayMs, deliverAt, ttlMs }, shape, id, request)
  const fields = untilMs === undefined ? own : expiringBy(own, untilMs, priority)
  return { key, value, headers, partition: undefined, timestamp: undefined, fields }
}

/** @throws MillraceError MILL_OUT_OF_RANGE */
export function checkPriority(priority: number, queue: string, priorities: number): void {
  if (Number.isInteger(priority) && priority >= 0 && priority < priorities) return
  const range = priorities === 1 ? '0' : `an integer from 0 to ${priorities - 1}`
  throw new MillraceError(
    'MILL_OUT_OF_RANGE',
    `\`priority\` must be ${range}, not ${show(priority)}: queue ${queue} has ${priorities === 1 ? 'one priority' : `${priorities} priorities`}`,
  )
}

/** An inherited field is not the message's own: libraries put enumerable ones on `Object.prototype`. */
function checkField(message: object, name: string, fields: readonly string[] = FIELDS, what = 'a message'): void {
  if (Array.isArray(message)) throw noMessage(message)
  if (!Object.hasOwn(message, name) || (ORIGINS.has(name) && isRecord(message))) return
  const help =
    adviceOn('message', name, fields) ?? `it has ${listed(fields)}; put other data into \`value\` or \`headers\``
  throw new MillraceError('MILL_UNKNOWN_OPTION', `${what} has no field ${show(name)}: ${help}`)
}

function listed(fields: readonly string[]): string {
  const names = fields.map(field => `\`${field}\``)
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

/** A delivery or a dead letter, or what is left of one. */
export function isRecord(message: object): boolean {
  return 'deliveryAttempt' in message || 'letter' in message
}

function noMessage(found: unknown): MillraceError {
  const help = Array.isArray(found)
    ? '; use publishBatch or sendBatch for several'
    : typeof found === 'string'
      ? `; write { value: ${show(found)} }, or { key: ${show(found)}, value: … }`
      : ''
  return new MillraceError(
    'MILL_INVALID_OPTION',
    `a message is one object with a value, { key, value, headers }, not ${show(found)}${help}`,
  )
}

export function noBatch(call: 'publishBatch' | 'sendBatch', found: unknown): MillraceError {
  return new MillraceError(
    'MILL_INVALID_OPTION',
    `${call} takes an array of messages, not ${show(found)}; write ${call}([{ key, value }, …])`,
  )
}

export function checkedKey(key: Key | null | undefined): Key | null {
  if (typeof key === 'string') return key
  if (key === undefined || key === null) return null
  // An empty one may have been detached, which bytesOf sees.
  if ((key as unknown) instanceof Uint8Array) return key.length > 0 ? ofFixedLength(key) : bytesOf(key)
  const help =
    typeof key === 'object'
      ? 'take a field of it that names the record, such as its id, or JSON.stringify(key)'
      : 'use String(key)'
  throw new MillraceError('MILL_INVALID_OPTION', `a key is a string or bytes, not ${show(key)}; ${help}`)
}

export function halfKey(): MillraceError {
  return new MillraceError(
    'MILL_UNSERIALISABLE',
    'a key has half a surrogate pair, which UTF-8 cannot hold: repair it with `toWellFormed()`, or use bytes',
  )
}

export function checkTimestamp(timestamp: number | undefined): void {
  if (timestamp === undefined || (Number.isSafeInteger(timestamp) && timestamp >= 0)) return
  const help = (timestamp as unknown) instanceof Date ? '; use date.getTime()' : ''
  throw new MillraceError(
    'MILL_OUT_OF_RANGE',
    `a timestamp is an integer of milliseconds since the epoch, 0 or more, not ${show(timestamp)}${help}`,
  )
}
