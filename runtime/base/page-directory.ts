/**
 * Which page of the pool holds the bits of which 4,096 offsets: pairs, in the order of offsets.
 *
 * The partition host's thread. Pure. Pages are mostly added at the end, taken from the front, and asked for again and
 * again; a page in between costs a move of those behind it. 12 bytes a page, however far apart the pages are.
 */
const FIRST_CAPACITY = 8

export class PageDirectory {
  #numbers: Float64Array = new Float64Array(FIRST_CAPACITY)
  #pages: Int32Array = new Int32Array(FIRST_CAPACITY)
  #head = 0
  #tail = 0
  /** Where the last search ended. */
  #last = 0

  get size(): number {
    return this.#tail - this.#head
  }

  /** Bytes of its arrays. */
  get bytes(): number {
    return this.#numbers.byteLength + this.#pages.byteLength
  }

  /** Number of the page at `index`, from 0 to below `size`: the offset of its first bit divided by 4,096. */
  numberAt(index: number): number {
    return this.#numbers[this.#head + index] as number
  }

  pageAt(index: number): number {
    return this.#pages[this.#head + index] as number
  }

  /** Index of the page with this number; if there is none, the bitwise complement of where it belongs. */
  find(number: number): number {
    const numbers = this.#numbers
    if (this.#last >= this.#head && this.#last < this.#tail && numbers[this.#last] === number)
      return this.#last - this.#head
    let low = this.#head
    let high = this.#tail
    if (low === high || (numbers[high - 1] as number) < number) return ~(high - low)
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((numbers[middle] as number) < number) low = middle + 1
      else high = middle
    }
    this.#last = low
    return low < this.#tail && numbers[low] === number ? low - this.#head : ~(low - this.#head)
  }

  insert(index: number, number: number, page: number): void {
    if (this.#tail === this.#numbers.length) this.#makeRoom()
    const at = this.#head + index
    if (at < this.#tail) {
      this.#numbers.copyWithin(at + 1, at, this.#tail)
      this.#pages.copyWithin(at + 1, at, this.#tail)
    }
    this.#numbers[at] = number
    this.#pages[at] = page
    this.#last = at
    this.#tail++
  }

  removeAt(index: number): void {
    const at = this.#head + index
    if (index === 0) this.#head++
    else {
      this.#numbers.copyWithin(at, at + 1, this.#tail)
      this.#pages.copyWithin(at, at + 1, this.#tail)
      this.#tail--
    }
    if (this.#head === this.#tail) this.#head = this.#tail = 0
  }

  /** Half of the arrays may be in front of the head; otherwise they grow. */
  #makeRoom(): void {
    const size = this.size
    if (this.#head < size) {
      const numbers = new Float64Array(Math.max(FIRST_CAPACITY, 2 * size))
      const pages = new Int32Array(numbers.length)
      numbers.set(this.#numbers.subarray(this.#head, this.#tail))
      pages.set(this.#pages.subarray(this.#head, this.#tail))
      this.#numbers = numbers
      this.#pages = pages
    } else {
      this.#numbers.copyWithin(0, this.#head, this.#tail)
      this.#pages.copyWithin(0, this.#head, this.#tail)
    }
    this.#head = 0
    this.#tail = size
  }
}
