/**
 * Whole numbers in as few bytes as they need, one behind the other: groups of 7 bits, the lowest first, every byte but a
 * number's last one with bit 7 set.
 *
 * Leaf, any thread. Pure. Bounds: 0 to 2^53 - 1, which is 8 bytes; a writer's bytes grow by doubling.
 */

const FIRST_BYTES = 256
const NUMBER_BYTES_MAX = 8
const MORE = 0x80
/** Below it, shifts of 32 bits are right. */
const SMALL = 2 ** 28

export class ByteWriter {
  /** Of the pool at first: one is made for each pass of a host. */
  #into: Uint8Array = Buffer.allocUnsafe(FIRST_BYTES)
  #length = 0

  /** @throws RangeError for what is no safe integer from 0 on */
  number(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is not a whole number from 0 on`)
    if (this.#length + NUMBER_BYTES_MAX > this.#into.length) this.#grow()
    let left = value
    for (; left >= SMALL; left = Math.floor(left / MORE)) this.#into[this.#length++] = (left % MORE) | MORE
    for (; left >= MORE; left >>>= 7) this.#into[this.#length++] = (left & 0x7f) | MORE
    this.#into[this.#length++] = left
  }

  byte(value: number): void {
    if (this.#length === this.#into.length) this.#grow()
    this.#into[this.#length++] = value
  }

  /** Bytes of these as they are. */
  raw(bytes: Uint8Array, from: number, count: number): void {
    while (this.#length + count > this.#into.length) this.#grow()
    for (let at = 0; at < count; at++) this.#into[this.#length++] = bytes[from + at] as number
  }

  get length(): number {
    return this.#length
  }

  /** What was written; valid until more is. */
  bytes(): Uint8Array {
    return this.#into.subarray(0, this.#length)
  }

  #grow(): void {
    const larger = new Uint8Array(2 * this.#into.length)
    larger.set(this.#into)
    this.#into = larger
  }
}

export class ByteReader {
  readonly #from: Uint8Array
  #at = 0
  /** Whether a number that was read is not whole, or too large; all others are 0 then. */
  isBroken = false

  constructor(bytes: Uint8Array) {
    this.#from = bytes
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#from.length || this.isBroken
  }

  number(): number {
    let value = 0
    for (let unit = 1; !this.isBroken; unit *= MORE) {
      const byte = this.byte()
      value += (byte & 0x7f) * unit
      if (value > Number.MAX_SAFE_INTEGER || (unit > 1 && byte === 0)) break
      if (byte < MORE) return this.isBroken ? 0 : value
    }
    this.isBroken = true
    return 0
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#from.length - this.#at
  }

  /** Bytes as they are, into these. */
  raw(into: Uint8Array, from: number, count: number): void {
    if (this.left < count) this.isBroken = true
    else for (let at = 0; at < count; at++) into[from + at] = this.#from[this.#at++] as number
  }

  byte(): number {
    const byte = this.#from[this.#at++]
    if (byte !== undefined) return byte
    this.isBroken = true
    return 0
  }
}
