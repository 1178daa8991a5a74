/** Headers of a message that know their own bytes, and need no look at their names and values. Any thread. */
import type { Memory } from 'sharedarraybuffer-ring'
import { putU32 } from './unaligned.ts'

/** Room that `writeSized` may use behind what it writes. */
export const SIZED_SLACK_BYTES = 7

export abstract class WrittenHeader {
  /** Of the bytes, which are those of any headers (headers.ts). */
  abstract readonly size: number

  /** Returns the position after them. */
  abstract write(target: Uint8Array, position: number): number

  /** The same in shared memory, with their length in front of them, as a record has them; what follows is written later. */
  writeSized({ u8 }: Memory, position: number): number {
    putU32(u8, position, this.size)
    return this.write(u8, position + 4)
  }
}
