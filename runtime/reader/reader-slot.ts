/**
 * The words of a slot as its reader writes them: how far it is, and what it has in hand, for its group and for whoever must know
 * what its thread died of.
 *
 * The reader's thread, which alone writes them (layout.ts) for as long as its epoch counts.
 */

import type { Memory } from 'sharedarraybuffer-ring'
import {
  SLOT_ACTIVE,
  SLOT_COMMITTED,
  SLOT_HANDED,
  SLOT_HANDLED,
  SLOT_LEDGER,
  SLOT_MANY,
  SLOT_RETURNED,
  SLOT_SINCE,
  THREAD_TURN,
} from '../wire/layout.ts'
import { Ledger } from '../wire/ledger.ts'
import type { Offset } from '../words/quantities.ts'

export class ReaderSlot {
  readonly #memory: Memory
  readonly #slot: number
  /** Address of the word that counts the turns of this thread. */
  readonly #turn: number

  /** `thread`: address of the thread's words. */
  constructor(memory: Memory, slot: number, thread: number) {
    this.#memory = memory
    this.#slot = slot
    this.#turn = thread + THREAD_TURN
  }

  /** Everything below `offset` is committed; a claim may be ahead of what was handled. */
  commit(offset: Offset): void {
    this.#memory.store(this.#slot + SLOT_COMMITTED, offset | 0)
  }

  /** The record at `offset` is about to be handed out. */
  handOut(offset: Offset): void {
    this.#memory.i32[(this.#slot + SLOT_HANDED) >> 2] = (offset + 1) | 0
  }

  /** The record handed out last is about to be reported as failed: its thread's death is not to be charged as well. */
  failed(offset: Offset): void {
    this.#memory.i32[(this.#slot + SLOT_HANDED) >> 2] = offset | 0
  }

  /** Every record below `offset` has been handled. */
  returned(offset: Offset): void {
    this.#memory.i32[(this.#slot + SLOT_RETURNED) >> 2] = offset | 0
  }

  /** So many handlers' promises are pending. */
  active(pending: number): void {
    const { i32 } = this.#memory
    const at = (this.#slot + SLOT_ACTIVE) >> 2
    if (i32[at] === 0) i32[(this.#slot + SLOT_SINCE) >> 2] = i32[this.#turn >> 2] as number
    i32[at] = pending
  }

  /** Of several in hand, so many are handled, and not settled before their outputs are confirmed. */
  handled(waiting: number): void {
    this.#memory.i32[(this.#slot + SLOT_HANDLED) >> 2] = waiting
  }

  /** Where a reader that has several records in hand says how each of them stands. */
  ledger(): Ledger {
    this.#memory.i32[(this.#slot + SLOT_MANY) >> 2] = 1
    return new Ledger(this.#memory, this.#slot + SLOT_LEDGER)
  }
}
