/**
 * A record as a consumer sees it: a place in privately copied frames, decoded when it is looked at.
 *
 * The consumer's thread. Never refers to shared memory, so it stays valid for as long as the consumer keeps it; it
 * keeps the fetch that it came with (up to 64 KiB) alive for as long. Bytes that it hands out are copies (fetched-bytes.ts).
 */

import { readHeaders } from '../log/format/headers.ts'
import { HAS_HEADERS, HAS_KEY, KEY_IS_BYTES, keyStartOf, NO_VALUE, valueStartOf } from '../log/format/record.ts'
import type { Codec } from '../words/codec.ts'
import type { Delivery } from '../words/delivery.ts'
import { MillraceError } from '../words/errors.ts'
import type { Headers, Key } from '../words/message.ts'
import type { Offset, PartitionId } from '../words/quantities.ts'
import type { FetchedBytes } from './fetched-bytes.ts'
import { knownKeys } from './known-keys.ts'
import { headersEndAt, keyEndAt, valueStartAt } from './record-ranges.ts'

/** What the records of one fetched frame have in common. */
export interface FetchedFrame {
  readonly buffer: Buffer
  /** The same bytes for those who may do with them what they like. */
  readonly bytes: FetchedBytes
  readonly words: Int32Array
  readonly codec: Codec
  readonly topic: string
  readonly partition: PartitionId
  readonly baseTimestamp: number
}

const NOT_READ = Symbol('not read')
const NO_HEADERS: Headers = Object.freeze(Object.create(null) as Headers)

export class RecordDelivery<V = unknown> implements Delivery<V> {
  readonly offset: Offset
  readonly deliveryAttempt: number
  readonly failedAttempts: number
  readonly #frame: FetchedFrame
  /** Index of the record's first byte in the frame's buffer. */
  readonly #at: number
  #value: unknown = NOT_READ

  constructor(frame: FetchedFrame, at: number, offset: Offset, deliveryAttempt: number, failedAttempts: number) {
    this.#frame = frame
    this.#at = at
    this.offset = offset
    this.deliveryAttempt = deliveryAttempt
    this.failedAttempts = failedAttempts
  }

  /** What it has in common with others, and where it is in that. */
  protected get place(): readonly [frame: FetchedFrame, at: number] {
    return [this.#frame, this.#at]
  }

  get topic(): string {
    return this.#frame.topic
  }

  get partition(): PartitionId {
    return this.#frame.partition
  }

  get timestamp(): number {
    return this.#frame.baseTimestamp + this.#word(2)
  }

  get key(): string | null {
    const { buffer, words } = this.#frame
    const attributes = this.#attributes()
    if ((attributes & HAS_KEY) === 0) return null
    return knownKeys.textOf(buffer, words, keyStartOf(buffer, this.#at, attributes), this.#word(3))
  }

  get keyBytes(): Uint8Array | null {
    const range = this.#keyRange()
    return range === null ? null : this.#frame.bytes.own(range[0], range[1])
  }

  /** The key as it was published: what is put out goes under the same. */
  get rawKey(): Key | null {
    return (this.#attributes() & KEY_IS_BYTES) === 0 ? this.key : this.keyBytes
  }

  /** @throws MillraceError MILL_DECODE when the bytes are not what the topic's codec writes */
  get value(): V {
    if (this.#value === NOT_READ) this.#value = this.#decode()
    return this.#value as V
  }

  get valueBytes(): Uint8Array | null {
    return this.#frame.codec.name === 'bytes' ? (this.value as Uint8Array | null) : this.#copied()
  }

  get headers(): Headers {
    if ((this.#attributes() & HAS_HEADERS) === 0) return NO_HEADERS
    const start = this.#keyEnd()
    const { buffer } = this.#frame
    return readHeaders(buffer, start + 4, start + 4 + buffer.readUInt32LE(start))
  }

  #word(index: number): number {
    return this.#frame.words[(this.#at >> 2) + index] as number
  }

  /** No getter: a private one costs several times as much. */
  #attributes(): number {
    return this.#word(1) >>> 16
  }

  #keyRange(): readonly [number, number] | null {
    if ((this.#attributes() & HAS_KEY) === 0) return null
    const end = this.#keyEnd()
    return [end - this.#word(3), end]
  }

  #keyEnd(): number {
    return keyEndAt(this.#frame, this.#at, this.#attributes())
  }

  #valueStart(): number {
    return valueStartAt(this.#frame, this.#at, this.#attributes())
  }

  /** The value's bytes. Reads each word once, because this is on the way of every record of a `bytes` topic. */
  #copied(): Uint8Array | null {
    const { buffer, bytes, words } = this.#frame
    const index = this.#at >> 2
    const attributes = (words[index + 1] as number) >>> 16
    if ((attributes & NO_VALUE) !== 0) return null
    const end = this.#at + (words[index] as number)
    const keyEnd = keyStartOf(buffer, this.#at, attributes) + (words[index + 3] as number)
    const start = valueStartOf((attributes & HAS_HEADERS) === 0 ? keyEnd : headersEndAt(buffer, keyEnd), attributes)
    // Who had it before may have changed what they got.
    return this.deliveryAttempt === 1 ? bytes.shared(start, end) : bytes.fresh(start, end)
  }

  #decode(): unknown {
    const { codec, buffer, topic, partition } = this.#frame
    if (codec.name === 'bytes') return this.#copied()
    if ((this.#attributes() & NO_VALUE) !== 0) return null
    try {
      return codec.decode(buffer, this.#valueStart(), this.#at + this.#word(0))
    } catch (cause) {
      throw new MillraceError(
        'MILL_DECODE',
        `the value at ${topic}/${partition}, offset ${this.offset}, does not decode as ${codec.name}`,
        { cause },
      )
    }
  }

  /** For inspection and JSON: what a person wants to see of it. Of a record that does not decode these are its bytes. */
  toJSON(): unknown {
    const { topic, partition, offset, timestamp, deliveryAttempt, failedAttempts } = this
    try {
      const { key, value, headers } = this
      return { topic, partition, offset, timestamp, key, value, headers, deliveryAttempt, failedAttempts }
    } catch {
      const { keyBytes, valueBytes } = this
      return { topic, partition, offset, timestamp, keyBytes, valueBytes, deliveryAttempt, failedAttempts }
    }
  }

  /** What console.log shows. */
  static {
    Object.defineProperty(RecordDelivery.prototype, Symbol.for('nodejs.util.inspect.custom'), {
      value(this: RecordDelivery): unknown {
        return this.toJSON()
      },
    })
  }
}
