/**
 * The ceiling of a group that delivers at most once (ceiling.ts), as its partition host tells it to a reader.
 *
 * The partition host's thread. A slot has three words for it (layout.ts), which the host alone writes: CEILING, ASK and BARRED. The
 * host raises the ceiling only after it is durable. The reader's end is reader/claim-limit.ts.
 */

import type { Memory } from 'sharedarraybuffer-ring'
import { nowMs } from '../../actors/world.ts'
import { nearestOffset } from '../log/format/frame.ts'
import { SLOT_ASK, SLOT_BARRED, SLOT_CEILING } from '../wire/layout.ts'
import type { Offset } from '../words/quantities.ts'
import { askFrom, type Ceiling, flatCeiling, isLow, raised } from './ceiling.ts'

export class GroupCeiling {
  readonly #memory: Memory
  #ceiling: Ceiling
  /** Of the open slot; -1: none is. */
  #slot = -1
  #isBarred = false

  constructor(memory: Memory, committed: Offset) {
    this.#memory = memory
    this.#ceiling = flatCeiling(committed, nowMs())
  }

  /** What must be on disk: no reader may claim anything from there on. */
  get offset(): Offset {
    return this.#ceiling.offset
  }

  /** A new slot may claim nothing yet. */
  prepare(slot: number): void {
    this.#memory.store(slot + SLOT_BARRED, 0)
    this.#tell(slot)
  }

  /** The slot is open, prepared now or by a predecessor, which may have let its reader go further than is known here. */
  open(slot: number): void {
    const { offset, stride } = this.#ceiling
    const told = nearestOffset(offset, this.#memory.load(slot + SLOT_CEILING))
    if (told > offset) this.#ceiling = flatCeiling(told, nowMs(), stride)
    this.#slot = slot
    this.#isBarred = false
  }

  /** No reader claims any more, and the group goes on here: the slot is closed, or the group was moved. */
  settle(committed: Offset): void {
    this.#slot = -1
    this.#ceiling = flatCeiling(committed, nowMs(), this.#ceiling.stride)
  }

  /** Whether the reader needs a higher ceiling. */
  isLow(claimed: Offset, returned: number): boolean {
    return this.#slot !== -1 && !this.#isBarred && isLow(this.#ceiling, claimed, returned)
  }

  /** Sets a higher one, which is to be made durable before the reader is told of it. */
  raise(claimed: Offset): void {
    this.#ceiling = raised(this.#ceiling, claimed, nowMs())
  }

  /** It is durable. */
  grant(): void {
    this.#tell(this.#slot)
  }

  /** It cannot be made durable, nor will any other be. */
  bar(): void {
    this.#isBarred = true
    this.#memory.store(this.#slot + SLOT_BARRED, 1)
  }

  #tell(slot: number): void {
    this.#memory.store(slot + SLOT_ASK, askFrom(this.#ceiling) | 0)
    this.#memory.store(slot + SLOT_CEILING, this.#ceiling.offset | 0)
  }
}
