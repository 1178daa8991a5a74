/**
 * The message of a schedule: checked and kept when the schedule is made, and made again for each tick and each of its targets.
 *
 * The creating thread. Values are kept as their codec has them. What can be wrong with a message is wrong when the schedule is made: a
 * message that a tick cannot send would be found out at night. Only what the targets of an exchange say of it is found out then.
 *
 * Bound: SCHEDULED_BYTES_MAX of key, value and headers, since each schedule is written down as a whole.
 */

import { ROUTING_KEY_HEADER } from '../log/format/headers.ts'
import type { KeptBytes, KeptMessage } from '../schedule/schedule-record.ts'
import type { ProducedTopic } from '../wire/produced-topic.ts'
import { codecOf } from '../words/codec.ts'
import { MillraceError } from '../words/errors.ts'
import type { CodecName, Headers, Key, Message } from '../words/message.ts'
import { checkRoutingKey } from '../words/routing-key.ts'
import type { TickMessage } from '../words/schedule.ts'
import { checkedKey } from './checked-message.ts'
import { copyHeaders } from './given-headers.ts'
import { partitionOfKey } from './key-hash.ts'
import { prepareBatch } from './prepared-batch.ts'
import { checkRecord } from './record-writer.ts'
import { RoutedMessage } from './routed-message.ts'

/** Bytes of a scheduled message. */
const SCHEDULED_BYTES_MAX = 65_536

/** Headers of a tick's message. */
export const SCHEDULE_HEADER = 'millrace-schedule'
export const TICK_HEADER = 'millrace-tick'

interface Encoded {
  readonly key: Key | null
  readonly value: string | Uint8Array | null
  readonly form: CodecName
  readonly headers: Headers | null
}

/** `topic`: where it goes; null: to an exchange. @throws MillraceError MILL_INVALID_OPTION, MILL_UNKNOWN_OPTION, MILL_OUT_OF_RANGE, MILL_UNSERIALISABLE, MILL_TOO_LARGE */
export function keptMessage(message: TickMessage, topic: ProducedTopic | null): KeptMessage {
  checkOwnFields(message, topic === null)
  const { key, value, form, headers } = topic === null ? encodedForAny(message) : encodedFor(message, topic)
  const { priority, delayMs, ttlMs, partition } = message
  const routingKey = topic === null ? (message.routingKey ?? '') : undefined
  return {
    key: key === null ? null : kept(key),
    value: value === null ? null : kept(value),
    form,
    headers: Object.entries(headers ?? {}).map(([name, each]) => [name, kept(each)]),
    // JSON has no Infinity, which is the default.
    ...given({
      priority,
      delayMs,
      ttlMs: ttlMs === Number.POSITIVE_INFINITY ? undefined : ttlMs,
      partition,
      routingKey,
    }),
  }
}

function encodedFor(message: TickMessage, topic: ProducedTopic): Encoded {
  const most = Math.min(topic.maxMessageBytes, SCHEDULED_BYTES_MAX)
  const ahead = (partition: number | undefined): number => checkedPartition(partition, topic.partitions)
  const prepared = prepareBatch([message], codecOf(topic.codec), { ...topic, maxMessageBytes: most }, { ahead })
  if (prepared instanceof Error) throw prepared.cause
  const [key = null] = prepared.keys
  const [value = null] = prepared.values
  return { key, value, form: topic.codec, headers: prepared.headersOf(0) }
}

/** For targets that are not known yet: bytes as bytes, and anything else as JSON. */
function encodedForAny({ routingKey = '', ...message }: TickMessage): Encoded {
  const routed = new RoutedMessage(message, checkRoutingKey(routingKey))
  const key = checkedKey(message.key)
  const form = ArrayBuffer.isView(message.value) ? 'bytes' : 'json'
  const value = codecOf(form).encode(message.value)
  checkRecord(key, value, routed.given, SCHEDULED_BYTES_MAX)
  return { key, value, form, headers: message.headers === undefined ? null : copyHeaders(message.headers) }
}

/** Each tick sends a message of its own: what names one message, or one moment, would be the same for all. */
function checkOwnFields(message: object, isRouted: boolean): void {
  if (typeof message !== 'object' || message === null) return
  for (const [name, help] of [
    ['id', 'each tick sends another message; leave it out'],
    ['deliverAt', 'each tick is due at another time; use `delayMs`, which counts from the tick'],
    ['timestamp', 'each tick has its own; leave it out'],
    ...(isRouted ? [['partition', 'an exchange has none; leave it out'] as const] : []),
  ] as const)
    if ((message as { readonly [field: string]: unknown })[name] !== undefined)
      throw new MillraceError('MILL_INVALID_OPTION', `the message of a schedule has no \`${name}\`: ${help}`)
}

function checkedPartition(partition: number | undefined, partitions: number): number {
  if (partition === undefined) return 0
  if (Number.isInteger(partition) && partition >= 0 && partition < partitions) return partition
  throw new MillraceError(
    'MILL_OUT_OF_RANGE',
    `\`partition\` must be an integer from 0 to ${partitions - 1}, not ${String(partition)}`,
  )
}

/** The message of one tick, as this target takes it: what it does not know is left out. */
export function tickMessage(
  message: KeptMessage,
  schedule: string,
  tickMs: number,
  { queue }: Pick<ProducedTopic, 'queue'>,
  partition: number,
): Message {
  const { key, priority, delayMs, ttlMs, routingKey } = message
  const most = queue === undefined ? undefined : priority && Math.min(priority, queue.priorities - 1)
  return {
    key: key === null ? null : own(key),
    value: tickValue(message),
    headers: {
      ...headersOf(message),
      ...given({ [ROUTING_KEY_HEADER]: routingKey }),
      [SCHEDULE_HEADER]: schedule,
      [TICK_HEADER]: new Date(tickMs).toISOString(),
    },
    ...(queue === undefined ? { partition } : given({ priority: most, delayMs, ttlMs })),
  }
}

function tickValue({ value, form }: KeptMessage): unknown {
  if (value === null) return null
  return form === 'json' ? JSON.parse(value as string) : own(value)
}

/** Headers that its user gave it. */
export function headersOf({ headers }: KeptMessage): Headers {
  return Object.fromEntries(headers.map(([name, each]) => [name, own(each)]))
}

/** Partition of the ticks of a schedule; without a key it is that of the schedule's name. */
export function tickPartition({ key, partition }: KeptMessage, schedule: string, partitions: number): number {
  return partition ?? partitionOfKey(key === null ? schedule : own(key), partitions)
}

function kept(bytes: string | Uint8Array): string | KeptBytes {
  return typeof bytes === 'string' ? bytes : { base64: Buffer.from(bytes).toString('base64') }
}

function own(kept: string | KeptBytes): string | Uint8Array {
  return typeof kept === 'string' ? kept : new Uint8Array(Buffer.from(kept.base64, 'base64'))
}

/** Without those that are left out. */
function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
