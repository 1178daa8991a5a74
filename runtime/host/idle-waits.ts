/**
 * Who waits until groups have settled what was published when they began to wait.
 *
 * The partition host's thread. Who waits for a queue may leave out the messages that wait for their time: one that was passed as such is
 * not looked at again, so that a wait ends also at a queue that is never empty. A wait is over as well when its group is deleted, and in
 * vain when a group is stuck at a dead letter that finds no room. Bound: one for each call of `idle` that is not answered, without those that
 * were left.
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
  /** Of a queue: its first message from an offset on, and below another, that is neither settled nor scheduled. */
  openFrom?(from: number, below: number): number
}

interface IdleWaiter {
  readonly wait: number
  readonly targets: readonly Target[]
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** How far a group is to be. */
class Target {
  readonly group: Settling
  readonly #below: number
  readonly #butLater: boolean
  #from = 0
  /** Whether the last look went on, and the next one may find more. */
  isMoving = false

  constructor(group: Settling, butLater: boolean) {
    this.group = group
    this.#below = group.partition.highWatermark
    this.#butLater = butLater
  }

  isReached(): boolean {
    const { group } = this
    if (group.settledTo(this.#below)) return true
    if (!this.#butLater || group.openFrom === undefined) return false
    const from = group.openFrom(this.#from, this.#below)
    this.isMoving = from > this.#from
    this.#from = from
    return from >= this.#below
  }
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
    const isReady = this.#waiters.some(
      ({ targets }) => targets.some(({ isMoving }) => isMoving) || targets.every(target => target.isReached()),
    )
    return isReady ? 'ready' : 'waitsForCommit'
  }

  /** `butLater`: without the messages of queues that wait for their time. `wait`: its number. */
  add(groups: readonly Settling[], butLater: boolean, wait: number): Promise<void> {
    const targets = groups.map(group => new Target(group, butLater))
    const settled = new Promise<void>((resolve, reject) => this.#waiters.push({ wait, targets, resolve, reject }))
    this.wake()
    this.work()
    return settled
  }

  /** Nobody waits for this one any more. */
  leave(wait: number): void {
    for (const waiter of this.#waiters) if (waiter.wait === wait) waiter.resolve()
    this.#waiters = this.#waiters.filter(waiter => waiter.wait !== wait)
  }

  /** Answers those whose wait is over. */
  work(): boolean {
    if (this.#waiters.length === 0) return false
    this.#waiters = this.#waiters.filter(waiter => {
      const open = waiter.targets.filter(target => this.#exists(target.group) && !target.isReached())
      if (open.length === 0) waiter.resolve()
      const stuck = open.map(({ group }) => group.letters.stuck).find(error => error !== null)
      if (stuck !== undefined) waiter.reject(stuck)
      return open.length > 0 && stuck === undefined
    })
    return false
  }
}
