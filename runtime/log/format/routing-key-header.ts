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
  readonly #bytes: Uint8Array
  /** Their length and they themselves, up to a whole word. */
  readonly #words: Int32Array

  private constructor(routingKey: string) {
    super()
    this[ROUTING_KEY_HEADER] = routingKey
    const value = Buffer.from(routingKey)
    // One header, without a name.
    this.#bytes = Uint8Array.from([1, 0, 0, 0, 0, 0, TYPE_ROUTING_KEY, 0, value.length, 0, 0, 0, ...value])
    this.#words = new Int32Array((4 + this.size + 3) >> 2)
    this.#words[0] = this.size
    new Uint8Array(this.#words.buffer).set(this.#bytes, 4)
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

  /** Word by word wherever they begin: byte by byte it takes twice as long. */
  override writeSized({ i32 }: Memory, position: number): number {
    const words = this.#words
    const shift = (position & 3) << 3
    let at = position >> 2
    if (shift === 0) for (let index = 0; index < words.length; index++) i32[at++] = words[index] as number
    else {
      let carry = (i32[at] as number) & ((1 << shift) - 1)
      for (let index = 0; index < words.length; index++) {
        const word = words[index] as number
        i32[at++] = carry | (word << shift)
        carry = word >>> (32 - shift)
      }
      i32[at] = carry
    }
    return position + 4 + this.#bytes.length
  }
}
