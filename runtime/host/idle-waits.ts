/**
 * Who waits until groups have settled what was published when they began to wait.
 *
 * The partition host's thread. A wait is over as well when its group is deleted, and in vain when a group is stuck at a dead letter
 * that finds no room. Bound: one for each call of `idle` that is not answered.
 */
import type { Standing } from '../resident/resident.ts'
import { Chore } from './chore.ts'

/** A group on one partition, or a queue. */
export interface Settling {
  readonly place: { readonly cursor: number }
  readonly partition: { readonly highWatermark: number }
  readonly letters: { readonly stuck: Error | null }
  /** Whether everything below `offset` is settled. */
  settledTo(offset: number): boolean
}

interface IdleWaiter {
  readonly targets: readonly { readonly group: Settling; readonly offset: number }[]
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export class IdleWaits extends Chore {
  readonly #exists: (group: Settling) => boolean
  #waiters: IdleWaiter[] = []

  /** `exists`: whether it is the group that has its number now. */
  constructor(exists: (group: Settling) => boolean) {
    super()
    this.#exists = exists
  }

  standing(): Standing {
    if (this.#waiters.length === 0) return 'rests'
    const isOver = this.#waiters.some(({ targets }) => targets.every(({ group, offset }) => group.settledTo(offset)))
    return isOver ? 'ready' : 'waitsForCommit'
  }

  add(groups: readonly Settling[]): Promise<void> {
    const targets = groups.map(group => ({ group, offset: group.partition.highWatermark }))
    const settled = new Promise<void>((resolve, reject) => this.#waiters.push({ targets, resolve, reject }))
    this.wake()
    this.work()
    return settled
  }

  /** Answers those whose wait is over. */
  work(): boolean {
    if (this.#waiters.length === 0) return false
    this.#waiters = this.#waiters.filter(waiter => {
      const open = waiter.targets.filter(({ group, offset }) => this.#exists(group) && !group.settledTo(offset))
      if (open.length === 0) waiter.resolve()
      const stuck = open.map(({ group }) => group.letters.stuck).find(error => error !== null)
      if (stuck !== undefined) waiter.reject(stuck)
      return open.length > 0 && stuck === undefined
    })
    return false
  }
}
