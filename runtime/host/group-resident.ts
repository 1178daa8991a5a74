/**
 * A group on one partition as a resident of its host: looks after what failed, and tells when it stands still.
 *
 * The partition host's thread.
 */
import type { GroupActor } from '../group/group-actor.ts'
import type { Resident, Staged, Standing } from '../resident/resident.ts'
import type { HostNotice } from '../wire/host-calls.ts'

export interface GroupUpkeep {
  tell(notice: HostNotice): void
  /** Its reader needs a higher ceiling, which takes a write to the disk. */
  low(actor: GroupActor): void
}

export class GroupResident implements Resident {
  readonly actor: GroupActor
  readonly #upkeep: GroupUpkeep

  constructor(actor: GroupActor, upkeep: GroupUpkeep) {
    this.actor = actor
    this.#upkeep = upkeep
  }

  work(): boolean {
    const worked = this.actor.tend()
    const event = this.actor.letters.takeStall()
    if (event !== null) this.#upkeep.tell({ kind: 'stalled', event })
    if (this.actor.isLow) this.#upkeep.low(this.actor)
    return worked
  }

  standing(): Standing {
    return this.actor.standing()
  }

  dueInMs(): number {
    return Math.ceil(this.actor.letters.stallsInMs)
  }

  stage(): Staged | null {
    return null
  }
}
