/**
 * Frames that a partition host has made itself, one behind the other in private memory: dead letters.
 *
 * The partition host's thread. They have no producer that waits: whoever appends them is told by the appender. A successor
 * knows them by their producer and sequence, since they are in no ring. Bound: what their maker has put into them.
 */
import { EMPTY, type WindowWriter } from 'sharedarraybuffer-ring'
import type { FrameMemory } from '../log/format/frame.ts'
import type { FrameBatch } from './frame-batch.ts'

export class MadeFrames implements FrameBatch {
  readonly id = 0
  readonly head = 0
  readonly memory: FrameMemory
  readonly #bytes: number
  #at = 0

  /** `frames`: whole ones, of lengths that are multiples of 8, at the beginning of their own buffer. */
  constructor(frames: Uint8Array<ArrayBuffer>) {
    const { buffer, byteOffset, length } = frames
    if (byteOffset !== 0) throw new Error('broken invariant: made frames do not begin where their memory does')
    this.#bytes = length
    this.memory = {
      i32: new Int32Array(buffer, 0, length >> 2),
      f64: new Float64Array(buffer, 0, length >> 3),
      u8: frames,
    }
  }

  get ready(): number {
    return this.#bytes - this.#at
  }

  room(): number {
    return Number.POSITIVE_INFINITY
  }

  next(): number {
    return this.#at < this.#bytes ? this.#at : EMPTY
  }

  advance(bytes: number): void {
    this.#at += bytes
  }

  copyTo(window: WindowWriter, address: number, bytes: number): void {
    window.writeIn(this.memory.u8.subarray(address, address + bytes))
  }

  answer(_failure: number | null): void {}

  release(): void {}

  tell(): void {}
}
