/**
 * Readers of groups that deliver at most once, on disk, which need a higher ceiling: those of one pass with one write.
 *
 * The partition host's thread. Bound: the groups of the host.
 */

import type { GroupActor } from '../group/group-actor.ts'
import type { Standing } from '../resident/resident.ts'
import { Chore } from './chore.ts'
import type { HostStore } from './host-store.ts'

export class Ceilings extends Chore {
  readonly #store: HostStore | null
  #low = new Set<GroupActor>()

  constructor(store: HostStore | null) {
    super()
    this.#store = store
  }

  add(group: GroupActor): void {
    this.#low.add(group)
    this.wake()
  }

  work(): boolean {
    if (this.#low.size === 0) return false
    const low = this.#low
    this.#low = new Set()
    return this.#store?.raiseCeilings(low) === true
  }

  standing(): Standing {
    return this.#low.size > 0 ? 'ready' : 'rests'
  }
}
