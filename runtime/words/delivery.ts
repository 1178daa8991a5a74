/** What consumers are given: types only. */
import type { Headers } from './message.ts'

/**
 * A record handed to a consumer. Key, value and headers are decoded when first read. Stays valid after settlement.
 *
 * Bytes are copies: they may be changed, and no retry and no other record sees it. Those of a value of 4,096 bytes or more may be
 * transferred to another thread; smaller ones share a buffer, which cannot be: transfer `new Uint8Array(value)`.
 */
export interface Delivery<V = unknown> {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  readonly key: string | null
  /** The key as bytes, however it was published. */
  readonly keyBytes: Uint8Array | null
  readonly value: V
  /** The value as stored, before the codec. `null` for a tombstone. */
  readonly valueBytes: Uint8Array | null
  readonly headers: Headers
  /** Which hand-out this is, from 1. */
  readonly deliveryAttempt: number
  /** Failures so far; below the group's `attempts`. */
  readonly failedAttempts: number
}

/** A delivery that the consumer settles itself, once. A second settlement throws `MILL_SETTLED`. */
export interface ManualDelivery<V = unknown> extends Delivery<V> {
  ack(): void
  /** A failed attempt: retried after the backoff, or dead-lettered. */
  nack(error?: unknown): void
  /** Straight to the dead-letter topic. */
  reject(reason?: unknown): void
  /** Handed back, without a failure. */
  release(): void
  readonly settled: boolean
}
