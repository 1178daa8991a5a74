/**
 * How far a reader of a group that delivers at most once may claim records: its end of the ceiling (group/ceiling-words.ts).
 *
 * The reader's thread. It looks at the words of its slot when it has come to what it last saw there, and rings the host at most
 * twice for each ceiling: when it is near, and when it is reached.
 */

import type { Memory } from 'sharedarraybuffer-ring'
import { nearestOffset } from '../log/format/frame.ts'
import { SLOT_ASK, SLOT_BARRED, SLOT_CEILING } from '../wire/layout.ts'
import type { Assignment } from '../wire/places.ts'
import { MillraceError } from '../words/errors.ts'
import type { Offset } from '../words/quantities.ts'

export class ClaimLimit {
  readonly #memory: Memory
  readonly #slot: number
  readonly #ask: () => void
  #ceiling: number
  /** The next claim at which to look. */
  #lookAt: number
  /** The record that was refused last. */
  #refused = -1

  /** `ask` rings the partition host. */
  constructor(memory: Memory, slot: number, committed: Offset, ask: () => void) {
    this.#memory = memory
    this.#slot = slot
    this.#ask = ask
    this.#ceiling = committed
    this.#lookAt = committed
  }

  /** Whether the record at `offset` may be claimed now; if not, the host has been asked, and rings when it may. */
  admits(offset: Offset): boolean {
    if (offset < this.#ceiling) return true
    this.#look(offset)
    if (offset < this.#ceiling) return true
    if (this.#refused !== offset) this.#ask()
    this.#refused = offset
    return false
  }

  /** Everything below `offset` is claimed. */
  claimed(offset: Offset): void {
    if (offset < this.#lookAt) return
    this.#look(offset)
    if (offset < this.#lookAt) return
    this.#ask()
    // The answer is wanted when there is no way on without it.
    this.#lookAt = Number.POSITIVE_INFINITY
  }

  /** The host can promise nothing more. */
  get isBarred(): boolean {
    return this.#memory.load(this.#slot + SLOT_BARRED) === 1
  }

  #look(offset: Offset): void {
    this.#ceiling = nearestOffset(offset, this.#memory.load(this.#slot + SLOT_CEILING))
    this.#lookAt = nearestOffset(offset, this.#memory.load(this.#slot + SLOT_ASK))
  }
}

/** Why nothing more is handed out of a partition at most once. */
export function claimsBarred({ topic, group, place }: Assignment): MillraceError {
  return new MillraceError(
    'MILL_DISK',
    `group ${group} delivers at most once, and the disk has failed: what is handed out of topic ${topic.name} partition ${place.partition} can be written down no more. Close the broker, and open it again when the disk is repaired`,
  )
}
