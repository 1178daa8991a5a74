/**
 * The header by which consumers know the routing key of their message: headers that have nothing else, as an exchange adds them to most messages.
 *
 * Written on the publishing thread. The bytes are those of any headers (headers.ts). They are made once for a key, and copied into each of its
 * messages. Bound: a routing key has at most 255 bytes (routing-key.ts), and is well-formed.
 */
import type { Headers } from '../../words/message.ts'
import { WrittenHeader } from './written-header.ts'

export const ROUTING_KEY_HEADER = 'millrace-routing-key'

/** One header. */
const COUNT = [1, 0, 0, 0]
/** A string. */
const TYPE = [0, 0]

export class RoutingKeyHeader extends WrittenHeader {
  readonly 'millrace-routing-key': string
  readonly #bytes: Uint8Array

  private constructor(routingKey: string) {
    super()
    this[ROUTING_KEY_HEADER] = routingKey
    const value = Buffer.from(routingKey)
    const lengths = [ROUTING_KEY_HEADER.length, 0, ...TYPE, value.length, 0, 0, 0]
    this.#bytes = Uint8Array.from([...COUNT, ...lengths, ...Buffer.from(ROUTING_KEY_HEADER), ...value])
  }

  /** The headers of a message with this routing key and no other header. */
  static of(routingKey: string): Headers {
    return new RoutingKeyHeader(routingKey) as unknown as Headers
  }

  get size(): number {
    return this.#bytes.length
  }

  /** Returns the position after them. */
  write(target: Uint8Array, position: number): number {
    const bytes = this.#bytes
    const { length } = bytes
    for (let index = 0; index < length; index++) target[position + index] = bytes[index] as number
    return position + length
  }
}
