/**
 * The broker's shared memory: hands out blocks of it, and says how short it is.
 *
 * The control thread, which alone allocates and frees. Bound: `memoryMaxBytes`; beyond it calls fail with `MILL_MEMORY`.
 */
import { Arena, type Memory, NO_ROOM } from 'sharedarraybuffer-ring'
import type { MemoryTuning } from '../wire/memory-tuning.ts'
import { MillraceError } from '../words/errors.ts'
import { WindowLedger } from './window-ledger.ts'

/** The first line is no block: an address is never 0. */
const FIRST_ADDRESS = 128

export class SharedMemory {
  readonly memory: Memory
  /** What partitions on disk borrow for their windows. */
  readonly windows: WindowLedger
  readonly #arena: Arena
  readonly #tuning: MemoryTuning

  constructor(memory: Memory, tuning: MemoryTuning) {
    this.memory = memory
    this.#arena = new Arena(memory, FIRST_ADDRESS)
    this.#tuning = tuning
    this.windows = new WindowLedger(this.#arena, memory.buffer.byteLength)
  }

  get blocks(): number {
    return this.#arena.blocks
  }

  get usedBytes(): number {
    return this.#arena.usedBytes
  }

  get totalBytes(): number {
    return this.memory.buffer.byteLength
  }

  /** With what comes back when it is needed. */
  get freeBytes(): number {
    return this.#arena.freeBytes + this.windows.lentBytes
  }

  /** Less than a quarter of all memory is free. */
  get isShort(): boolean {
    return this.#tuning.isShort || this.#arena.freeBytes < this.memory.buffer.byteLength / 4
  }

  /** Without what comes back when it is needed, less than an eighth is taken. */
  get isAmple(): boolean {
    return !this.#tuning.isShort && this.usedBytes - this.windows.lentBytes < this.memory.buffer.byteLength / 8
  }

  /** @throws MillraceError MILL_MEMORY */
  allocate(bytes: number, what: string): number {
    const address = this.#arena.allocate(bytes)
    if (address === NO_ROOM) throw this.#noRoom(bytes, what)
    return address
  }

  /** Allocates several blocks or none. @throws MillraceError MILL_MEMORY */
  allocateAll(sizes: readonly number[], what: string): number[] {
    const total = sizes.reduce((sum, bytes) => sum + bytes, 0)
    if (total > this.#arena.freeBytes) throw this.#noRoom(total, what)
    const taken: number[] = []
    try {
      for (const bytes of sizes) taken.push(this.allocate(bytes, what))
    } catch (error) {
      this.free(...taken)
      throw error
    }
    return taken
  }

  free(...addresses: readonly number[]): void {
    for (const address of addresses) this.#arena.free(address)
  }

  #noRoom(bytes: number, what: string): MillraceError {
    const total = this.memory.buffer.byteLength
    return new MillraceError(
      'MILL_MEMORY',
      `${what} needs ${bytes} bytes of shared memory, and ${this.#arena.freeBytes} of ${total} are free; raise memoryMaxBytes, or use fewer partitions or a smaller windowBytes`,
    )
  }
}
