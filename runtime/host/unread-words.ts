/**
 * Partitions that rest, and of which producers were told that some is unread: they are told anew, a few in each pass.
 *
 * The partition host's thread. Readers settle without telling, and producers without a key go where least is unread, so that this
 * must not stay as it is. Bound: REFRESHED of them in a pass, in turn; it is a hint, and its partitions may be many.
 */

import type { PartitionActor } from '../partition/partition-actor.ts'
import type { Standing } from '../resident/resident.ts'
import { Chore } from './chore.ts'

const REFRESHED = 64

export class UnreadWords extends Chore {
  readonly #unread = new Set<PartitionActor>()

  add(actor: PartitionActor): void {
    this.#unread.add(actor)
    this.wake()
  }

  forget(actor: PartitionActor): void {
    this.#unread.delete(actor)
  }

  work(): boolean {
    let left = Math.min(REFRESHED, this.#unread.size)
    for (const actor of this.#unread) {
      if (left-- === 0) break
      this.#unread.delete(actor)
      if (actor.refreshUnread()) this.#unread.add(actor)
    }
    return false
  }

  standing(): Standing {
    return this.#unread.size > 0 ? 'waits' : 'rests'
  }
}
