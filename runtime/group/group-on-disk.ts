/**
 * One group of a topic on disk, as another process is to find it: what is written down of it, and how far its readers may go.
 *
 * The partition host's thread. A group in memory has nothing of this. What is not in the block of shared memory is here: records that
 * have their dead letter and are not among the failures, and what was written down last.
 */

import type { Memory } from 'sharedarraybuffer-ring'
import type { PartitionActor } from '../partition/partition-actor.ts'
import type { GroupPlace } from '../wire/places.ts'
import type { Offset } from '../words/quantities.ts'
import { GroupCeiling } from './ceiling-words.ts'
import type { GroupBlock } from './group-block.ts'
import type { CursorState } from './group-cursor.ts'
import type { GroupSlot } from './group-slot.ts'
import type { GroupState } from './group-state.ts'
import { lettersBeyond } from './reopened-group.ts'
import { storedFailure } from './stored-failure.ts'

/** How far records may be handed out; null: as they come, because the group delivers at least once or in memory. */
export function ceilingOf(
  memory: Memory,
  { policy }: GroupPlace,
  partition: PartitionActor,
  block: GroupBlock,
): GroupCeiling | null {
  return policy.atMostOnce && partition.isOnDisk ? new GroupCeiling(memory, block.committed) : null
}

export class GroupOnDisk {
  readonly #block: GroupBlock
  readonly #slot: GroupSlot
  readonly #ceiling: GroupCeiling | null
  readonly #partition: PartitionActor
  readonly #deadLetters: PartitionActor | null
  readonly #lettersFrom: number
  /** Records that have their dead letter, and are not among the failures. */
  readonly #beyond: Set<number>
  /** The first offset whose handling is not over, and the ceiling, as they were last kept. */
  #kept = -1
  #keptCeiling = -1

  /** `letters`: low words of the offsets that have their letters; `kept`: as it was when it was opened. */
  constructor(
    [block, slot, ceiling]: readonly [GroupBlock, GroupSlot, GroupCeiling | null],
    partition: PartitionActor,
    deadLetters: PartitionActor | null,
    kept: GroupState | undefined,
    letters: ReadonlySet<number>,
    failures: { has(offset: Offset): boolean },
  ) {
    this.#block = block
    this.#slot = slot
    this.#ceiling = ceiling
    this.#partition = partition
    this.#deadLetters = deadLetters
    this.#lettersFrom = kept?.letters ?? 0
    this.#beyond = lettersBeyond(kept, letters, slot.committed(), partition.highWatermark, failures)
  }

  /** Whether a record has its letter already, as none will ask again. */
  takeLetter(offset: Offset): boolean {
    return this.#beyond.delete(offset)
  }

  /** The group is moved: what is known of letters is not true of what comes now. */
  forgetLetters(): void {
    this.#beyond.clear()
  }

  /** What is to be found again by another process. */
  state({ deadLettered, failed, failures }: CursorState): GroupState {
    this.#kept = this.#slot.passed()
    this.#keptCeiling = this.#ceilingNow()
    for (const offset of this.#beyond) if (offset < this.#kept) this.#beyond.delete(offset)
    return {
      committed: this.#kept,
      ceiling: this.#keptCeiling,
      passedOver: this.#block.passedOver,
      skipped: this.#block.skipped,
      deadLettered,
      failed,
      // Until somebody joins it, its letters are looked for from where they were the last time.
      letters: this.#deadLetters?.highWatermark ?? this.#lettersFrom,
      failures: [...failures.values()].map(storedFailure),
      beyond: [...this.#beyond],
    }
  }

  /** Whether its reader may commit, or has committed what is not kept yet. */
  get lags(): boolean {
    if (this.#slot.isOpen && this.#slot.committed() < this.#partition.highWatermark) return true
    if (this.#slot.passed() !== this.#kept) return true
    return this.#ceilingNow() !== this.#keptCeiling
  }

  /** Nothing from there on was handed out, nor will be before a higher one is kept. */
  #ceilingNow(): number {
    return Math.max(this.#slot.committed(), this.#ceiling?.offset ?? 0)
  }
}
