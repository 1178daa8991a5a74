/**
 * A work queue as a resident of its host: takes in what its consumers say, hands out, and tells when its dead letters stand still.
 *
 * The partition host's thread.
 */
import type { QueueActor } from '../queue-actor/queue-actor.ts'
import type { Resident, Staged, Standing } from '../resident/resident.ts'
import type { HostNotice } from '../wire/host-calls.ts'

export class QueueResident implements Resident {
  readonly actor: QueueActor
  readonly #tell: (notice: HostNotice) => void
  readonly #written: () => void

  /** `written`: something was written down, and is to survive a loss of power a moment later. */
  constructor(actor: QueueActor, tell: (notice: HostNotice) => void, written: () => void) {
    this.actor = actor
    this.#tell = tell
    this.#written = written
  }

  work(): boolean {
    const { actor } = this
    const worked = actor.work()
    const event = actor.letters.takeStall(actor.lagBytes)
    if (event !== null) this.#tell({ kind: 'stalled', event })
    return worked
  }

  standing(): Standing {
    return this.actor.standing()
  }

  dueInMs(nowMs: number): number {
    return Math.ceil(this.actor.dueInMs(nowMs))
  }

  stage(): Staged | null {
    const staged = this.actor.stage()
    if (staged === null) return null
    return {
      ...staged,
      committed: () => {
        staged.committed()
        this.#written()
      },
    }
  }
}
