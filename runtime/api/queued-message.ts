/** A message that somebody who looks into a queue sees. The creating thread; it holds private copies only. */
import { readHeaders } from '../log/format/headers.ts'
import { messageId } from '../publish/append-receipt.ts'
import type { MessageHold, MessageSight, SeenMessage } from '../wire/queue-asks.ts'
import { type Codec, decodeText } from '../words/codec.ts'
import { MillraceError } from '../words/errors.ts'
import type { Headers } from '../words/message.ts'
import type { QueuedMessage, QueueExplanation, ReadyMessage } from '../words/queued-message.ts'

const NOT_READ = Symbol('not read')

/** The queue of messages, as far as they tell of it. */
export interface QueueIdentity {
  readonly id: number
  readonly name: string
  readonly codec: Codec
}

export class SeenQueueMessage<V = unknown> implements QueuedMessage<V> {
  readonly explanation: QueuedMessage['explanation']
  readonly priority: number
  readonly timestamp: number
  readonly #queue: QueueIdentity
  readonly #message: SeenMessage
  #value: unknown = NOT_READ

  constructor(queue: QueueIdentity, message: SeenMessage, explanation: QueuedMessage['explanation']) {
    this.#queue = queue
    this.#message = message
    this.explanation = explanation
    this.priority = message.priority
    this.timestamp = message.timestamp
  }

  get queue(): string {
    return this.#queue.name
  }

  get id(): string {
    return this.#message.id ?? messageId(this.#queue.id, this.#message.offset)
  }

  get key(): string | null {
    const { key } = this.#message
    return key === null ? null : this.#decode('key', key, buffer => decodeText(buffer, 0, buffer.length))
  }

  get keyBytes(): Uint8Array | null {
    return this.#message.key?.slice() ?? null
  }

  get value(): V {
    if (this.#value === NOT_READ) this.#value = this.#decodeValue()
    return this.#value as V
  }

  get valueBytes(): Uint8Array | null {
    return this.#message.value?.slice() ?? null
  }

  get headers(): Headers {
    const { headers } = this.#message
    return headers === null ? {} : this.#decode('headers', headers, buffer => readHeaders(buffer, 0, buffer.length))
  }

  #decodeValue(): unknown {
    const { value } = this.#message
    if (value === null) return null
    // The codec for bytes gives a view.
    return this.#decode('value', value.slice(), buffer => this.#queue.codec.decode(buffer, 0, buffer.length))
  }

  #decode<T>(what: string, bytes: Uint8Array, decode: (buffer: Buffer) => T): T {
    try {
      return decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
    } catch (cause) {
      throw new MillraceError(
        'MILL_DECODE',
        `the ${what} of message ${this.id} of queue ${this.queue} does not decode`,
        {
          cause,
        },
      )
    }
  }

  /** For inspection and JSON. */
  toJSON(): unknown {
    const { queue, id, explanation, priority, timestamp, key, headers } = this
    let value: unknown = this.valueBytes
    try {
      value = this.value
    } catch {
      // Its bytes are shown instead.
    }
    return { queue, id, explanation, priority, timestamp, key, value, headers: { ...headers } }
  }

  /** Output of console.log. */
  static {
    Object.defineProperty(SeenQueueMessage.prototype, Symbol.for('nodejs.util.inspect.custom'), {
      value(this: SeenQueueMessage): unknown {
        return this.toJSON()
      },
    })
  }
}

/** What users are told of where a message is. */
export function explanationOf(sight: MessageSight, queue: number): QueueExplanation {
  if (sight.state === 'ready') return { ...sight, blockedBy: holdOf(sight.blockedBy, queue) }
  if (sight.state !== 'retrying' && sight.state !== 'scheduled') return sight
  const { dueMs, ...known } = sight
  return { ...known, at: new Date(dueMs) }
}

function holdOf(hold: MessageHold, queue: number): ReadyMessage['blockedBy'] {
  if (hold === null || typeof hold === 'string') return hold
  return { key: Buffer.from(hold.key).toString(), id: messageId(queue, hold.behind) }
}
