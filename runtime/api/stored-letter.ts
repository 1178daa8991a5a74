/**
 * A dead letter as its finder sees it: the original record, and the death that the added headers describe.
 *
 * The thread that made the broker. Holds private copies only, so it stays valid after the letter is settled. Its finder
 * gets copies of those, so that a replay publishes the original record.
 */

import { ownHeaders, priorityOf, replayedCount } from '../dead-letters/letter-headers.ts'
import {
  FRAME_BASE_OFFSET,
  FRAME_BASE_TIMESTAMP,
  FRAME_HEADER_BYTES,
  FRAME_LENGTH,
  FRAME_PRODUCER_ID,
  joinOffset,
} from '../log/format/frame.ts'
import { ownedHeaders } from '../log/format/headers.ts'
import { KEY_IS_BYTES } from '../log/format/record.ts'
import { RecordDelivery } from '../reader/delivery.ts'
import { FetchedBytes } from '../reader/fetched-bytes.ts'
import type { DeadLetterReason } from '../words/broker-events.ts'
import { type Codec, codecOf } from '../words/codec.ts'
import type { DeadLetter, DeadLetterCause, DeadLetterError } from '../words/dead-letter.ts'
import { MillraceError } from '../words/errors.ts'
import type { CodecName, Headers, Key } from '../words/message.ts'

/** A record with the headers of its letter. */
export interface LetterRecord {
  readonly timestamp: number
  readonly keyBytes: Uint8Array | null
  readonly valueBytes: Uint8Array | null
  readonly headers: Headers
}

const NOT_READ = Symbol('not read')

export class StoredLetter<V = unknown> implements DeadLetter<V> {
  readonly letter: { readonly topic: string; readonly partition: number; readonly offset: number }
  /** Member number of the group, by which the partition host counts. */
  readonly cursor: number
  readonly codec: Codec
  /** Whether the key was published as bytes. */
  readonly keyIsBytes: boolean
  readonly #record: LetterRecord
  readonly #all: Headers
  #value: unknown = NOT_READ

  constructor(
    record: LetterRecord,
    codec: CodecName,
    letter: { readonly topic: string; readonly partition: number; readonly offset: number },
    keyIsBytes: boolean,
    cursor: number,
  ) {
    this.letter = letter
    this.cursor = cursor
    this.codec = codecOf(codec)
    this.keyIsBytes = keyIsBytes
    this.#record = record
    this.#all = record.headers
  }

  #text(name: string): string {
    const value = this.#all[`millrace-${name}`]
    return typeof value === 'string' ? value : ''
  }

  get topic(): string {
    return this.#text('topic')
  }

  get partition(): number {
    return Number(this.#text('partition'))
  }

  get offset(): number {
    return Number(this.#text('offset'))
  }

  get group(): string {
    return this.#text('group')
  }

  get reason(): DeadLetterReason {
    return this.#text('reason') as DeadLetterReason
  }

  get failedAttempts(): number {
    return Number(this.#text('failed-attempts'))
  }

  get firstFailureMs(): number {
    return Date.parse(this.#text('first-failure'))
  }

  get lastFailureMs(): number {
    return Date.parse(this.#text('last-failure'))
  }

  get error(): DeadLetterError {
    const or = (text: string): string | null => (text === '' ? null : text)
    return {
      name: this.#text('error-name'),
      message: this.#text('error-message'),
      code: or(this.#text('error-code')),
      stack: or(this.#text('error-stack')),
      causes: this.#causes(),
    }
  }

  #causes(): readonly DeadLetterCause[] {
    const json = this.#text('error-causes')
    if (json === '') return []
    try {
      return JSON.parse(json) as readonly DeadLetterCause[]
    } catch {
      // A line of an export that was edited.
      return []
    }
  }

  get replayed(): number {
    return replayedCount(this.#all)
  }

  /** Of a message of a queue, there. */
  get priority(): number {
    return priorityOf(this.#all)
  }

  get timestamp(): number {
    return this.#record.timestamp
  }

  get key(): string | null {
    const bytes = this.keyBytes
    return bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()
  }

  get keyBytes(): Uint8Array | null {
    return this.#record.keyBytes?.slice() ?? null
  }

  /** The key as it was published. */
  get rawKey(): Key | null {
    return this.keyIsBytes ? this.keyBytes : this.key
  }

  /** @throws MillraceError MILL_DECODE when the bytes are not what the topic's codec writes */
  get value(): V {
    if (this.#value === NOT_READ) this.#value = this.#decode()
    return this.#value as V
  }

  get valueBytes(): Uint8Array | null {
    return this.#record.valueBytes?.slice() ?? null
  }

  get headers(): Headers {
    return ownedHeaders(ownHeaders(this.#all))
  }

  /** Headers with those that describe its death. */
  get allHeaders(): Headers {
    return this.#all
  }

  #decode(): unknown {
    const bytes = this.valueBytes
    if (bytes === null) return null
    try {
      return this.codec.decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length)
    } catch (cause) {
      throw new MillraceError(
        'MILL_DECODE',
        `the value at ${this.topic}/${this.partition}, offset ${this.offset}, does not decode as ${this.codec.name}; read valueBytes`,
        { cause },
      )
    }
  }

  /** For inspection and JSON: the fields that interest people. */
  toJSON(): unknown {
    const { topic, partition, offset, group, reason, failedAttempts, error, replayed, timestamp, key, headers } = this
    const { name, message, code, causes } = error
    let value: unknown = this.valueBytes
    try {
      value = this.value
    } catch {
      // Its bytes are shown instead.
    }
    return {
      topic,
      partition,
      offset,
      group,
      reason,
      failedAttempts,
      error: { name, message, code, ...(causes.length > 0 && { causes }) },
      replayed,
      timestamp,
      key,
      value,
      headers: { ...headers },
    }
  }

  /** Output of console.log. */
  static {
    Object.defineProperty(StoredLetter.prototype, Symbol.for('nodejs.util.inspect.custom'), {
      value(this: StoredLetter): unknown {
        return this.toJSON()
      },
    })
  }
}

/** The letters in frames copied out of a dead-letter topic; `codec` is that of the topic where they died. */
export function lettersIn(frames: Uint8Array, codec: CodecName, topic: string, partition: number): StoredLetter[] {
  const buffer = Buffer.from(frames.buffer, frames.byteOffset, frames.length)
  const bytes = new FetchedBytes(buffer)
  const words = new Int32Array(frames.buffer, frames.byteOffset, frames.length >> 2)
  const word = (at: number): number => words[at >> 2] as number
  const found: StoredLetter[] = []
  for (let at = 0; at < frames.length; at += word(at + FRAME_LENGTH)) {
    const record = at + FRAME_HEADER_BYTES
    const offset = joinOffset(word(at + FRAME_BASE_OFFSET), word(at + FRAME_BASE_OFFSET + 4))
    const frame = {
      buffer,
      bytes,
      words,
      codec: codecOf('bytes'),
      topic,
      partition,
      baseTimestamp: buffer.readDoubleLE(at + FRAME_BASE_TIMESTAMP),
    }
    const delivery = new RecordDelivery(frame, record, offset, 0, 0)
    const keyIsBytes = ((word(record + 4) >>> 16) & KEY_IS_BYTES) !== 0
    const { timestamp, keyBytes, valueBytes, headers } = delivery
    const cursor = buffer.readDoubleLE(at + FRAME_PRODUCER_ID)
    found.push(
      new StoredLetter(
        { timestamp, keyBytes, valueBytes, headers },
        codec,
        { topic, partition, offset },
        keyIsBytes,
        cursor,
      ),
    )
  }
  return found
}
