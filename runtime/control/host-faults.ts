/**
 * Points of a partition host's work at which a test lets it stand still. Nothing is armed outside of tests.
 *
 * The control thread arms a point; the host stores which point it has reached, and stands still there (layout.ts).
 */
import type { Memory } from 'sharedarraybuffer-ring'
import { nowMs, setTimeout } from '../../actors/world.ts'
import { FAULT_ARMED, FAULT_BYTES, FAULT_REACHED } from '../wire/layout.ts'

const HALT_MS = 5_000

export class HostFaults {
  readonly #memory: Memory
  readonly #address: number

  /** `address`: FAULT_BYTES for each host. */
  constructor(memory: Memory, address: number) {
    this.#memory = memory
    this.#address = address
  }

  /** Each has words of its own, or one would stop where another is meant to. */
  addressOf(host: number): number {
    return this.#address + host * FAULT_BYTES
  }

  /** Whether the host came to this point within 5 s. */
  async halt(host: number, point: number): Promise<boolean> {
    const fault = this.addressOf(host)
    this.#memory.store(fault + FAULT_REACHED, 0)
    this.#memory.store(fault + FAULT_ARMED, point)
    const until = nowMs() + HALT_MS
    while (this.#memory.load(fault + FAULT_REACHED) !== point && nowMs() < until)
      await new Promise(resolve => setTimeout(resolve, 1))
    return this.#memory.load(fault + FAULT_REACHED) === point
  }

  disarm(host: number): void {
    this.#memory.store(this.addressOf(host) + FAULT_ARMED, 0)
  }
}
