/**
 * The way into a queue that knows ids: a message whose id is known is not taken, and its sender hears of the first one.
 *
 * The partition host's thread. In front of the queue's own way in. Frames of such a queue have one message each. An id is known from when
 * its message is admitted, so that a second one behind it, in the same append, finds it; both are answered when the first one is as durable
 * as the queue. What is not taken after all has no id here.
 *
 * Bounds: those of the table.
 */
import type { IdTable } from '../base/id-table.ts'
import { FRAME_HEADER_BYTES, type FrameMemory } from '../log/format/frame.ts'
import { recordIdAt } from '../log/format/record.ts'
import type { QueueGate } from '../partition/queue-keeping.ts'
import type { Offset } from '../words/quantities.ts'

/** Ids of a queue's messages. */
export interface KnownIds {
  readonly table: IdTable
  /** On the clock of their times. */
  nowMs(): number
  /** Messages that have some of them are kept from now on. */
  committed(): void
}

export class IdGate implements QueueGate {
  readonly #gate: QueueGate
  readonly #idsOf: () => KnownIds
  /** Whether the frame that was admitted last has an id. */
  #hasAdded = false

  /** `ids`: asked when the first message comes. */
  constructor(gate: QueueGate, ids: () => KnownIds) {
    this.#gate = gate
    this.#idsOf = ids
  }

  get #ids(): KnownIds {
    return this.#idsOf()
  }

  get isOpen(): boolean {
    return this.#gate.isOpen
  }

  makeRoom(bytes: number): boolean {
    return this.#gate.makeRoom(bytes)
  }

  roomBytes(): number {
    return this.#gate.roomBytes()
  }

  duplicateOf(memory: FrameMemory, address: number): Offset {
    const at = recordIdAt(memory.i32, address + FRAME_HEADER_BYTES)
    if (at === -1) return -1
    const ids = this.#ids
    return ids.table.find(memory.i32, at, ids.nowMs())
  }

  /** A frame that waits for room elsewhere is looked at again and again, and counts once. */
  knewAlready(count: number): void {
    this.#ids.table.room.duplicates += count
  }

  admit(memory: FrameMemory, address: number, offset: Offset): boolean {
    this.#hasAdded = false
    if (!this.#gate.admit(memory, address, offset)) return false
    const at = recordIdAt(memory.i32, address + FRAME_HEADER_BYTES)
    if (at === -1) return true
    const ids = this.#ids
    ids.table.add(memory.i32, at, offset, ids.nowMs())
    this.#hasAdded = true
    return true
  }

  withdraw(): void {
    this.#gate.withdraw()
    if (this.#hasAdded) this.#ids.table.withdraw()
    this.#hasAdded = false
  }

  committed(endOffset: Offset): void {
    this.#gate.committed(endOffset)
    this.#ids.committed()
  }

  mayHaveRoom(): boolean {
    return this.#gate.mayHaveRoom()
  }
}
