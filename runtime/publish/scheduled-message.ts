/**
 * The message of a schedule: checked and kept when the schedule is made, and made again for each tick.
 *
 * The creating thread. Values are kept as their codec has them. What can be wrong with a message is wrong when the schedule is made: a
 * message that a tick cannot send would be found out at night.
 *
 * Bound: MESSAGE_BYTES_MAX of key, value and headers, since each schedule is written down as a whole.
 */
import type { KeptBytes, KeptMessage } from '../schedule/schedule-record.ts'
import type { ProducedTopic } from '../wire/produced-topic.ts'
import { codecOf } from '../words/codec.ts'
import { MillraceError } from '../words/errors.ts'
import type { Message } from '../words/message.ts'
import type { TickMessage } from '../words/schedule.ts'
import { partitionOfKey } from './key-hash.ts'
import { prepareBatch } from './prepared-batch.ts'

/** Bytes of a scheduled message. */
export const SCHEDULED_BYTES_MAX = 65_536

/** Headers of a tick's message. */
export const SCHEDULE_HEADER = 'millrace-schedule'
export const TICK_HEADER = 'millrace-tick'

/** @throws MillraceError MILL_INVALID_OPTION, MILL_UNKNOWN_OPTION, MILL_OUT_OF_RANGE, MILL_UNSERIALISABLE, MILL_TOO_LARGE */
export function keptMessage(message: TickMessage, topic: ProducedTopic): KeptMessage {
  checkOwnFields(message)
  const most = Math.min(topic.maxMessageBytes, SCHEDULED_BYTES_MAX)
  const ahead = (partition: number | undefined): number => checkedPartition(partition, topic.partitions)
  const prepared = prepareBatch([message], codecOf(topic.codec), { ...topic, maxMessageBytes: most }, { ahead })
  if (prepared instanceof Error) throw prepared.cause
  const { priority, delayMs, ttlMs, partition } = message
  const [key = null] = prepared.keys
  const [value = null] = prepared.values
  return {
    key: key === null || typeof key === 'string' ? key : keptBytes(key),
    value: value === null || typeof value === 'string' ? value : keptBytes(value),
    headers: Object.entries(prepared.headersOf(0) ?? {}).map(([name, each]) => [
      name,
      typeof each === 'string' ? each : keptBytes(each),
    ]),
    // JSON has no Infinity, which is the default.
    ...given({ priority, delayMs, ttlMs: ttlMs === Number.POSITIVE_INFINITY ? undefined : ttlMs, partition }),
  }
}

/** Each tick sends a message of its own: what names one message, or one moment, would be the same for all. */
function checkOwnFields(message: object): void {
  if (typeof message !== 'object' || message === null) return
  for (const [name, help] of [
    ['id', 'each tick sends another message; leave it out'],
    ['deliverAt', 'each tick is due at another time; use `delayMs`, which counts from the tick'],
    ['timestamp', 'each tick has its own; leave it out'],
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

/** The message of one tick. */
export function tickMessage(
  kept: KeptMessage,
  schedule: string,
  tickMs: number,
  { codec, queue }: Pick<ProducedTopic, 'codec' | 'queue'>,
  partition: number,
): Message {
  const { key, value, headers, priority, delayMs, ttlMs } = kept
  const own = headers.map(([name, each]) => [name, ownBytes(each)] as const)
  return {
    key: key === null ? null : ownBytes(key),
    value: value === null ? null : codec === 'json' ? JSON.parse(value as string) : ownBytes(value),
    headers: {
      ...Object.fromEntries(own),
      [SCHEDULE_HEADER]: schedule,
      [TICK_HEADER]: new Date(tickMs).toISOString(),
    },
    ...(queue === undefined ? { partition } : given({ priority, delayMs, ttlMs })),
  }
}

/** Partition of the ticks of a schedule; without a key it is that of the schedule's name. */
export function tickPartition({ key, partition }: KeptMessage, schedule: string, partitions: number): number {
  return partition ?? partitionOfKey(key === null ? schedule : ownBytes(key), partitions)
}

function keptBytes(bytes: Uint8Array): KeptBytes {
  return { base64: Buffer.from(bytes).toString('base64') }
}

function ownBytes(kept: string | KeptBytes): string | Uint8Array {
  return typeof kept === 'string' ? kept : new Uint8Array(Buffer.from(kept.base64, 'base64'))
}

/** Without those that are left out. */
function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
