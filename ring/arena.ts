/**
 * Hands out blocks of one shared memory.
 *
 * One thread owns the arena and alone allocates and frees; its table is private memory, so no shared word is involved.
 * First fit over a list sorted by address, from either end, neighbours joined on `free`. Blocks are aligned to 128 bytes and zeroed.
 * Bound: the memory's size; `allocate` returns `NO_ROOM` beyond it.
 */
import { LINE_BYTES } from './layout.ts'
import type { Memory } from './memory.ts'

/** Returned by `allocate` when no gap is large enough. */
export const NO_ROOM = -1

interface Gap {
  address: number
  bytes: number
}

export class Arena {
  readonly #memory: Memory
  readonly #gaps: Gap[]
  readonly #blocks = new Map<number, number>()
  /** Start of the room that was never handed out, up to `#untouchedEnd`: it is still zero. */
  #untouchedStart: number
  #untouchedEnd: number
  #used = 0

  /** Owns `memory` from `from` (bytes, default 0) to its end. */
  constructor(memory: Memory, from = 0) {
    const start = roundUp(from)
    this.#memory = memory
    this.#untouchedStart = start
    this.#untouchedEnd = memory.buffer.byteLength
    this.#gaps = [{ address: start, bytes: memory.buffer.byteLength - start }]
  }

  /** Bytes handed out and not freed. */
  get usedBytes(): number {
    return this.#used
  }

  /** Blocks handed out and not freed. */
  get blocks(): number {
    return this.#blocks.size
  }

  /** Bytes that could still be handed out, in one or more blocks. */
  get freeBytes(): number {
    return this.#gaps.reduce((sum, gap) => sum + gap.bytes, 0)
  }

  /**
   * Address of `bytes` zeroed bytes, at least one line, or `NO_ROOM`.
   *
   * `end`: which end of the memory it is near, `low` by default. Blocks that come and go leave larger gaps when they lie at the
   * other end than those that stay.
   */
  allocate(bytes: number, end: 'low' | 'high' = 'low'): number {
    const size = Math.max(LINE_BYTES, roundUp(bytes))
    const fits = (gap: Gap): boolean => gap.bytes >= size
    const index = end === 'low' ? this.#gaps.findIndex(fits) : this.#gaps.findLastIndex(fits)
    const gap = this.#gaps[index]
    if (gap === undefined) return NO_ROOM
    const address = end === 'low' ? gap.address : gap.address + gap.bytes - size
    if (gap.bytes === size) this.#gaps.splice(index, 1)
    else {
      gap.bytes -= size
      if (end === 'low') gap.address += size
    }
    this.#blocks.set(address, size)
    this.#used += size
    this.#clear(address, address + size)
    return address
  }

  /** Zeroes what was handed out before. */
  #clear(from: number, to: number): void {
    const { u8 } = this.#memory
    const start = this.#untouchedStart
    const end = this.#untouchedEnd
    if (start >= end) u8.fill(0, from, to)
    else {
      if (from < start) u8.fill(0, from, Math.min(to, start))
      if (to > end) u8.fill(0, Math.max(from, end), to)
    }
    // All of it is one gap, or part of one, and a block lies at an end of its gap.
    if (from <= start) this.#untouchedStart = Math.max(start, to)
    if (to >= end) this.#untouchedEnd = Math.min(end, from)
  }

  /** Takes a block back; no thread may use it any more. A block that is not handed out is a `RangeError`. */
  free(address: number): void {
    const bytes = this.#blocks.get(address)
    if (bytes === undefined) throw new RangeError(`no block at ${address}`)
    this.#blocks.delete(address)
    this.#used -= bytes
    const index = this.#gaps.findIndex(gap => gap.address > address)
    const at = index === -1 ? this.#gaps.length : index
    this.#gaps.splice(at, 0, { address, bytes })
    this.#join(at)
    if (at > 0) this.#join(at - 1)
  }

  #join(index: number): void {
    const gap = this.#gaps[index]
    const after = this.#gaps[index + 1]
    if (gap === undefined || after === undefined || gap.address + gap.bytes !== after.address) return
    gap.bytes += after.bytes
    this.#gaps.splice(index + 1, 1)
  }
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / LINE_BYTES) * LINE_BYTES
}
