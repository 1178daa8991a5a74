/**
 * The messages of rival `same-work`: the records of one partition that travel together.
 *
 * Main thread writes, handler threads read. Records of bytes lie packed in one buffer, which is moved, not copied, and
 * comes back with the acknowledgement, to be filled again. Orders travel as the JSON text of `[key, order]` pairs.
 * Bound: a chunk holds `chunkBytes`, or one record that is larger; or `chunkPairs` orders.
 * Sizes tried: 16, 64 and 256 KiB, 100 to 1,000 pairs.
 *
 *     | key length: i32 | value length: i32 | key | value | ...
 */
import type { Order } from '../checks.ts'

const chunkBytes = 64 * 1024
const chunkPairs = 500
const headBytes = 8
/** A character takes three bytes at most. */
const keyBytesPerChar = 3

export interface Chunk {
  readonly partition: number
  /** Of its first record; given by the thread that owns the partition. */
  firstOffset: number
  readonly records: number
  readonly content: Uint8Array<ArrayBuffer> | string
}

/** What a handler gets: key and value are made when they are asked for. */
export interface Delivery {
  readonly partition: number
  readonly offset: number
  readonly key: string
  readonly value: Uint8Array | Order
}

/** Fills the chunks of one partition. */
export interface ChunkWriter {
  readonly records: number
  /** False if there is no room: the chunk has to be taken first. */
  add(key: string, value: Uint8Array | Order): boolean
  take(): Chunk['content']
}

export class BytesWriter implements ChunkWriter {
  readonly #spare: ArrayBuffer[]
  #bytes: Buffer<ArrayBuffer>
  #view: DataView
  #end = 0
  records = 0

  /** `spare` are buffers that came back. */
  constructor(spare: ArrayBuffer[]) {
    this.#spare = spare
    this.#bytes = Buffer.from(new ArrayBuffer(chunkBytes))
    this.#view = new DataView(this.#bytes.buffer)
  }

  add(key: string, value: Uint8Array): boolean {
    const bytesMax = headBytes + keyBytesPerChar * key.length + value.length
    if (this.#end + bytesMax > this.#bytes.length) {
      if (this.records > 0) return false
      this.#open(new ArrayBuffer(Math.max(bytesMax, chunkBytes)))
    }
    const at = this.#end
    const keyBytes = this.#writeKey(key, at + headBytes)
    this.#view.setInt32(at, keyBytes, true)
    this.#view.setInt32(at + 4, value.length, true)
    this.#bytes.set(value, at + headBytes + keyBytes)
    this.#end = at + headBytes + keyBytes + value.length
    this.records++
    return true
  }

  take(): Uint8Array<ArrayBuffer> {
    const taken = new Uint8Array(this.#bytes.buffer, 0, this.#end)
    this.#open(this.#spare.pop() ?? new ArrayBuffer(chunkBytes))
    return taken
  }

  /** A loop is faster than a call for short keys of ASCII. */
  #writeKey(key: string, at: number): number {
    const bytes = this.#bytes
    for (let i = 0; i < key.length; i++) {
      const code = key.charCodeAt(i)
      if (code > 127) return bytes.write(key, at, 'utf8')
      bytes[at + i] = code
    }
    return key.length
  }

  #open(buffer: ArrayBuffer): void {
    this.#bytes = Buffer.from(buffer)
    this.#view = new DataView(buffer)
    this.#end = 0
    this.records = 0
  }
}

export class OrdersWriter implements ChunkWriter {
  #pairs: (readonly [string, unknown])[] = []

  get records(): number {
    return this.#pairs.length
  }

  add(key: string, value: unknown): boolean {
    if (this.#pairs.length === chunkPairs) return false
    this.#pairs.push([key, value])
    return true
  }

  take(): string {
    const text = JSON.stringify(this.#pairs)
    this.#pairs = []
    return text
  }
}

/** Hands each record of a chunk to the handler, in order. */
export function deliver({ partition, firstOffset, content }: Chunk, handle: (delivery: Delivery) => void): void {
  if (typeof content === 'string') {
    let offset = firstOffset
    for (const [key, value] of JSON.parse(content) as [string, Order][]) {
      handle({ partition, offset: offset++, key, value })
    }
    return
  }
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.length)
  const view = new DataView(content.buffer, content.byteOffset, content.length)
  for (let at = 0, offset = firstOffset; at < bytes.length; offset++) {
    const keyStart = at + headBytes
    const valueStart = keyStart + view.getInt32(at, true)
    at = valueStart + view.getInt32(at + 4, true)
    handle(new BytesDelivery(partition, offset, bytes, keyStart, valueStart, at))
  }
}

class BytesDelivery implements Delivery {
  readonly partition: number
  readonly offset: number
  readonly #bytes: Buffer<ArrayBuffer>
  readonly #keyStart: number
  readonly #valueStart: number
  readonly #valueEnd: number

  constructor(
    partition: number,
    offset: number,
    bytes: Buffer<ArrayBuffer>,
    keyStart: number,
    valueStart: number,
    valueEnd: number,
  ) {
    this.partition = partition
    this.offset = offset
    this.#bytes = bytes
    this.#keyStart = keyStart
    this.#valueStart = valueStart
    this.#valueEnd = valueEnd
  }

  get key(): string {
    return this.#bytes.toString('utf8', this.#keyStart, this.#valueStart)
  }

  get value(): Uint8Array {
    const { buffer, byteOffset } = this.#bytes
    return new Uint8Array(buffer, byteOffset + this.#valueStart, this.#valueEnd - this.#valueStart)
  }
}
