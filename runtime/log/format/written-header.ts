/** Headers of a message that know their own bytes, and need no look at their names and values. Any thread. */
export abstract class WrittenHeader {
  /** Of the bytes, which are those of any headers (headers.ts). */
  abstract readonly size: number

  /** Returns the position after them. */
  abstract write(target: Uint8Array, position: number): number
}
