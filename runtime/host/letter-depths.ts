/**
 * The partitions of a host that take dead letters: how many wait in each, told when that has changed.
 *
 * The partition host's thread. In memory readers settle letters without telling, as any record: while some wait there, READ_LOOKS
 * partitions are looked at in each pass, in turn. On disk that is counted when the states of groups are written (store-upkeep.ts).
 */

import type { PartitionActor } from '../partition/partition-actor.ts'
import type { Standing } from '../resident/resident.ts'
import type { HostNotice } from '../wire/host-calls.ts'
import type { PartitionDepth } from '../wire/reports.ts'
import { Chore } from './chore.ts'

const READ_LOOKS = 64

export class LetterDepths extends Chore {
  readonly #tell: (notice: HostNotice) => void
  /** Letters may have come or gone since that was told. */
  readonly #touched = new Set<PartitionActor>()
  readonly #looked = new Set<PartitionActor>()
  /** Those in which letters wait. */
  readonly #open = { memory: new Set<PartitionActor>(), disk: new Set<PartitionActor>() }

  constructor(tell: (notice: HostNotice) => void) {
    super()
    this.#tell = tell
  }

  /** Something was appended, settled or counted there; or it takes letters from now on. */
  touch(actor: PartitionActor): void {
    this.#touched.add(actor)
    this.wake()
    const open = !actor.isOnDisk ? this.#open.memory : this.#open.disk
    if ((actor.letterIndex?.depth ?? 0) > 0) open.add(actor)
    else open.delete(actor)
  }

  /** Something is about to be asked there that may count or settle letters. */
  look(actor: PartitionActor): void {
    this.#looked.add(actor)
    this.wake()
  }

  forget(actor: PartitionActor): void {
    for (const set of [this.#looked, this.#touched, this.#open.memory, this.#open.disk]) set.delete(actor)
  }

  /** Letters of this cursor, in whichever topic. */
  depthOf(cursor: number): number {
    this.#absorbLooked()
    let depth = 0
    for (const open of [this.#open.memory, this.#open.disk])
      for (const { letterIndex } of open) depth += letterIndex?.depthOf(cursor) ?? 0
    return depth
  }

  /** What groups have read on disk. @throws DiskError */
  countStored(): void {
    for (const actor of [...this.#open.disk]) {
      actor.letterIndex?.countRead()
      this.touch(actor)
    }
  }

  work(): boolean {
    this.#absorbLooked()
    this.#countRead()
    const depths: PartitionDepth[] = []
    for (const { topic, partition, letterIndex } of this.#touched)
      if (letterIndex?.takeChanged() === true)
        depths.push({ topic: topic.id, partition, depth: letterIndex.depth, filled: letterIndex.filled })
    this.#touched.clear()
    if (depths.length > 0) this.#tell({ kind: 'deadLetterDepth', depths })
    return false
  }

  #absorbLooked(): void {
    for (const actor of this.#looked) this.touch(actor)
    this.#looked.clear()
  }

  /** In memory. */
  #countRead(): void {
    let left = Math.min(READ_LOOKS, this.#open.memory.size)
    for (const actor of this.#open.memory) {
      if (left-- === 0) break
      actor.letterIndex?.countRead()
      this.#open.memory.delete(actor)
      this.touch(actor)
    }
  }

  standing(): Standing {
    if (this.#touched.size > 0 || this.#looked.size > 0) return 'ready'
    return this.#open.memory.size > 0 ? 'waits' : 'rests'
  }
}
