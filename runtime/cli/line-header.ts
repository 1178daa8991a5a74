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
const FRONT: readonly number[] = [1, 0, 0, 0, LINE_HEADER.length, 0, 0, 0, 0, 0, 0, 0, ...Buffer.from(LINE_HEADER)]

class LineHeader extends WrittenHeader {
  readonly line: string

  constructor(line: number) {
    super()
    this.line = String(line)
  }

  get size(): number {
    return FRONT.length + this.line.length
  }

  write(target: Uint8Array, position: number): number {
    const { line } = this
    for (let index = 0; index < FRONT.length; index++) target[position + index] = FRONT[index] as number
    target[position + LENGTH_AT] = line.length
    const start = position + FRONT.length
    for (let index = 0; index < line.length; index++) target[start + index] = line.charCodeAt(index)
    return start + line.length
  }
}

/** Headers of the record of this line, from 1. */
export function lineHeader(line: number): Headers {
  return new LineHeader(line) as unknown as Headers
}
