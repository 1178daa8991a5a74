/**
 * A partition as a resident of its host: takes what its rings hold, and tells what it had to drop.
 *
 * The partition host's thread.
 */
import { nowMs } from '../../actors/world.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import type { Resident, Staged, Standing } from '../resident/resident.ts'
import type { HostNotice } from '../wire/host-calls.ts'

export interface PartitionUpkeep {
  tell(notice: HostNotice): void
  /** Records were appended, on disk. */
  appended(actor: PartitionActor): void
  /** It has more than its readers have settled. */
  unread(actor: PartitionActor): void
}

export class PartitionResident implements Resident {
  readonly actor: PartitionActor
  readonly #upkeep: PartitionUpkeep

  constructor(actor: PartitionActor, upkeep: PartitionUpkeep) {
    this.actor = actor
    this.#upkeep = upkeep
  }

  work(): boolean {
    const worked = this.actor.drain()
    if (!this.actor.drops.isEmpty) this.#tellDrops()
    return worked
  }

  #tellDrops(): void {
    const { drops, topic, partition, dropped } = this.actor
    const records = drops.take(nowMs())
    if (records > 0) this.#upkeep.tell({ kind: 'dropped', event: { topic: topic.name, partition, records, dropped } })
  }

  standing(): Standing {
    const standing = this.actor.standing()
    if (standing === 'rests' && this.actor.refreshUnread()) this.#upkeep.unread(this.actor)
    return standing
  }

  dueInMs(now: number): number {
    const { drops, near, full } = this.actor
    return Math.ceil(Math.min(drops.dueInMs(now), full ? near.dueInMs(now) : Number.POSITIVE_INFINITY))
  }

  stage(): Staged | null {
    const joint = this.actor.takeStagedJoint()
    if (joint !== null)
      return { frames: joint.entries, committed: () => joint.committed(), failed: status => joint.failed(status) }
    const frames = this.actor.staged
    if (frames === null) return null
    return {
      frames: [frames],
      committed: () => {
        this.actor.commitStaged()
        this.#upkeep.appended(this.actor)
      },
      failed: status => this.actor.failStaged(status),
    }
  }
}
