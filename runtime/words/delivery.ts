/** The deliveries that consumers receive. Types only. */
import type { Headers } from './message.ts'

/**
 * A record handed to a consumer. Key, value and headers are decoded when first read. It stays valid after settlement.
 *
 * Bytes are copies: changes to them reach no retry and no other record. The buffer of a value of 4,096 bytes or more may be transferred
 * to another thread. Smaller values share a buffer that cannot be transferred: transfer `new Uint8Array(value)`.
 *
 * `console.log` and `JSON.stringify` show its fields. `{ ...delivery }`, `structuredClone` and `postMessage` see few of them, because
 * most are read when they are asked for: take those that you want by name, `const { key, value } = delivery`.
 *
 * @throws MillraceError `MILL_DECODE` when `key`, `value` or `headers` is read and its bytes do not decode
 */
export interface Delivery<V = unknown> {
  /** Topic of the record. */
  readonly topic: string
  /** Partition of the record. */
  readonly partition: number
  /** Offset of the record in its partition. */
  readonly offset: number
  /** Timestamp of the record, in milliseconds since the epoch. */
  readonly timestamp: number
  /** Key as text; null: no key. */
  readonly key: string | null
  /** Key as bytes, however it was published; null: no key. */
  readonly keyBytes: Uint8Array | null
  /** Value, decoded with the topic's codec. */
  readonly value: V
  /** Value as stored, before the codec. `null` for a tombstone. */
  readonly valueBytes: Uint8Array | null
  /** Headers by name. */
  readonly headers: Headers
  /** Number of this hand-out, from 1. */
  readonly deliveryAttempt: number
  /** Failures so far; below the group's `attempts`. */
  readonly failedAttempts: number
}

/**
 * A delivery that the consumer settles itself, once.
 *
 * @throws MillraceError `MILL_SETTLED` for a second settlement, or one after the partition moved or the batch ended; `MILL_CLOSED` for
 *   one after the end of the subscription. Neither changes anything.
 */
export interface ManualDelivery<V = unknown> extends Delivery<V> {
  /** Acknowledges the record: the group has handled it. */
  ack(): void
  /** Reports a failed attempt: the record is retried after the backoff, or dead-lettered. */
  nack(error?: unknown): void
  /** Moves the record to the dead-letter topic at once. */
  reject(reason?: unknown): void
  /** Hands the record back, without a failure. It is delivered again. */
  release(): void
  /** Whether the delivery is settled, or lost because its partition moved. */
  readonly settled: boolean
}
