/**
 * The words of a reader's slot as its group sees them: laid out for a reader to come, read when one has ended or was revoked.
 *
 * The partition host's thread. While the slot is open its words are the reader's (layout.ts).
 */

import type { Memory } from 'sharedarraybuffer-ring'
import { nearestOffset } from '../log/format/frame.ts'
import type { SlotCrash } from '../wire/host-calls.ts'
import {
  SLOT_ACTIVE,
  SLOT_COMMITTED,
  SLOT_HANDED,
  SLOT_HANDLED,
  SLOT_LEDGER,
  SLOT_MANY,
  SLOT_RETURNED,
} from '../wire/layout.ts'
import { Ledger } from '../wire/ledger.ts'
import type { Offset } from '../words/quantities.ts'
import type { LeftSlot } from './hand-over.ts'

/** For a reader that goes on at `committed`; `known` is what the one before has left. */
export function prepareSlot(memory: Memory, slot: number, committed: Offset, known: Ledger): void {
  const words = memory.i32
  for (const word of [SLOT_COMMITTED, SLOT_HANDED, SLOT_RETURNED]) words[(slot + word) >> 2] = committed | 0
  words[(slot + SLOT_ACTIVE) >> 2] = 0
  words[(slot + SLOT_MANY) >> 2] = 0
  words[(slot + SLOT_HANDLED) >> 2] = 0
  new Ledger(memory, slot + SLOT_LEDGER).takeOver(known, committed)
}

/** What its reader has left there. */
export function leftSlot(memory: Memory, slot: number, committed: Offset, crash: SlotCrash | null): LeftSlot {
  const word = (at: number): number => nearestOffset(committed, memory.load(slot + at))
  const [handed, returned] = [word(SLOT_HANDED), word(SLOT_RETURNED)]
  const active = memory.i32[(slot + SLOT_ACTIVE) >> 2] as number
  const many = memory.i32[(slot + SLOT_MANY) >> 2] === 1
  return { committed, handed, returned, active, many, crash }
}
