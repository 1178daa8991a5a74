/**
 * The order of dead letters: that of the verdicts, also when some were refused and are written later.
 *
 * The partition host's thread. Pure. Entries of the attempt table; the first `sent` of them are on their way. Bound: that
 * of the entries that wait for a dead letter.
 */
export class Letters {
  #line: number[] = []
  #head = 0
  #sent = 0

  /** All that are not written. */
  get size(): number {
    return this.#line.length - this.#head
  }

  /** Those that are not on their way. */
  get waiting(): number {
    return this.size - this.#sent
  }

  add(entry: number): void {
    this.#line.push(entry)
  }

  /** The next one, which is on its way from now on; -1: there is none. */
  send(): number {
    return this.waiting === 0 ? -1 : (this.#line[this.#head + this.#sent++] as number)
  }

  /** The oldest one on its way, which is written; -1: none is on its way. */
  written(): number {
    if (this.#sent === 0) return -1
    const entry = this.#line[this.#head++] as number
    this.#sent--
    if (this.#head > 64 && this.#head * 2 > this.#line.length) {
      this.#line = this.#line.slice(this.#head)
      this.#head = 0
    }
    return entry
  }

  /** What is on its way was refused, and is to be sent again. */
  refused(): void {
    this.#sent = 0
  }

  /** In their order. */
  entries(): number[] {
    return this.#line.slice(this.#head)
  }
}
