/**
 * Who waits until groups have settled what was published when they began to wait.
 *
 * The partition host's thread. A wait is over as well when its group is deleted, and in vain when a group is stuck at a dead letter
 * that finds no room. Bound: one for each call of `idle` that is not answered.
 */
import type { GroupActor } from '../group/group-actor.ts'

interface IdleWaiter {
  readonly targets: readonly { readonly group: GroupActor; readonly offset: number }[]
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export class IdleWaits {
  readonly #exists: (group: GroupActor) => boolean
  #waiters: IdleWaiter[] = []

  /** `exists`: whether it is the group that has its number now. */
  constructor(exists: (group: GroupActor) => boolean) {
    this.#exists = exists
  }

  get isEmpty(): boolean {
    return this.#waiters.length === 0
  }

  /** Whether some wait is over. */
  get isDue(): boolean {
    return this.#waiters.some(({ targets }) => targets.every(({ group, offset }) => group.settledTo(offset)))
  }

  add(groups: readonly GroupActor[]): Promise<void> {
    const targets = groups.map(group => ({ group, offset: group.partition.highWatermark }))
    return new Promise((resolve, reject) => this.#waiters.push({ targets, resolve, reject }))
  }

  /** Answers those whose wait is over. */
  settle(): void {
    if (this.isEmpty) return
    this.#waiters = this.#waiters.filter(waiter => {
      const open = waiter.targets.filter(({ group, offset }) => this.#exists(group) && !group.settledTo(offset))
      if (open.length === 0) waiter.resolve()
      const stuck = open.map(({ group }) => group.letters.stuck).find(error => error !== null)
      if (stuck !== undefined) waiter.reject(stuck)
      return open.length > 0 && stuck === undefined
    })
  }
}
