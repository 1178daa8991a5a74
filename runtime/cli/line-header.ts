/**
 * The header that says from which line of the input a record is. Main thread.
 *
 * Its bytes are those of any headers (log/format/headers.ts): one header, a string, with the number in decimal digits.
 */
import { WrittenHeader } from '../log/format/written-header.ts'
import type { Headers } from '../words/message.ts'

/** Its name. */
export const LINE_HEADER = 'line'

/** One header, the length of its name, a string, the length of its value, and its name. */
const LENGTH_AT = 8
const ZERO = 0x30
const FRONT: readonly number[] = [1, 0, 0, 0, LINE_HEADER.length, 0, 0, 0, 0, 0, 0, 0, ...Buffer.from(LINE_HEADER)]

class LineHeader extends WrittenHeader {
  readonly #line: number
  readonly #digits: number

  constructor(line: number) {
    super()
    this.#line = line
    let digits = 1
    for (let power = 10; power <= line; power *= 10) digits++
    this.#digits = digits
  }

  get line(): string {
    return String(this.#line)
  }

  get size(): number {
    return FRONT.length + this.#digits
  }

  write(target: Uint8Array, position: number): number {
    for (let index = 0; index < FRONT.length; index++) target[position + index] = FRONT[index] as number
    target[position + LENGTH_AT] = this.#digits
    const start = position + FRONT.length
    const end = start + this.#digits
    let rest = this.#line
    for (let at = end - 1; at >= start; at--) {
      const tenth = Math.floor(rest / 10)
      target[at] = ZERO + rest - tenth * 10
      rest = tenth
    }
    return end
  }
}

/** Headers of the record of this line, from 1. */
export function lineHeader(line: number): Headers {
  return new LineHeader(line) as unknown as Headers
}
