/**
 * The header by which consumers know the routing key of their message: headers that have nothing else, as an exchange adds them to most messages.
 *
 * Written on the publishing thread. The bytes are those of any headers (headers.ts), with the name left out. They are made once for a key, and
 * copied into each of its messages. Bound: a routing key has at most 255 bytes (routing-key.ts), and is well-formed.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import type { Headers } from '../../words/message.ts'
import { ROUTING_KEY_HEADER, TYPE_ROUTING_KEY } from './headers.ts'
import { WrittenHeader } from './written-header.ts'

export class RoutingKeyHeader extends WrittenHeader {
  readonly 'millrace-routing-key': string
  /** Their length and they themselves, with zeros behind them: 8 bytes in each number. No 8 bytes of them are NaN, of which V8 might keep other bits. */
  readonly #eights: readonly number[]
  readonly #bytes: Uint8Array

  private constructor(routingKey: string) {
    super()
    this[ROUTING_KEY_HEADER] = routingKey
    const value = Buffer.from(routingKey)
    // One header, without a name.
    const bytes = [1, 0, 0, 0, 0, 0, TYPE_ROUTING_KEY, 0, value.length, 0, 0, 0, ...value]
    this.#bytes = Uint8Array.from(bytes)
    const sized = Buffer.alloc((4 + bytes.length + 7) & ~7)
    sized.writeUInt32LE(bytes.length)
    sized.set(bytes, 4)
    this.#eights = Array.from({ length: sized.length / 8 }, (_, index) => sized.readDoubleLE(8 * index))
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

  /** Eight bytes at a time, wherever they begin. */
  override writeSized({ view }: Memory, position: number): number {
    const eights = this.#eights
    for (let index = 0; index < eights.length; index++)
      view.setFloat64(position + 8 * index, eights[index] as number, true)
    return position + 4 + this.#bytes.length
  }
}
