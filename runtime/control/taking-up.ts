/**
 * Members take up the partitions whose slots are open for them.
 *
 * The control thread; one for each group. Nobody waits for it but who asks: it runs the handler's `start`, which may hang. A
 * partition whose record its last thread died of is taken up after the others, which should not wait for more. A member that was
 * told to let go of one of which it had not heard hears nothing of it behind that.
 */
import { CallError } from '../../actors/control-port.ts'
import type { Assignment, SlotPlace } from '../wire/places.ts'
import type { GroupEntry } from './catalog-entries.ts'
import type { MemberHandle } from './member-handle.ts'

/** A partition whose slot is open, and whose reader is to take it up. */
export interface Given {
  readonly id: string
  readonly partition: number
  readonly handle: MemberHandle
  readonly slot: SlotPlace
  readonly assignment: Assignment
}

export class TakingUp {
  readonly #group: Pick<GroupEntry, 'slots'>
  readonly #deadly = new Set<number>()
  readonly #revoked = new WeakSet<SlotPlace>()
  /** Partitions that are being taken up, by whom. */
  readonly #taking = new Map<Promise<void>, string>()

  constructor(group: Pick<GroupEntry, 'slots'>) {
    this.#group = group
  }

  /** A thread has died of a record of this partition. */
  isDeadly(partition: number): void {
    this.#deadly.add(partition)
  }

  /** It was revoked from its member. */
  isRevoked(slot: SlotPlace): void {
    this.#revoked.add(slot)
  }

  /** Resolves when these members have taken up what they were given. */
  async over(ids: readonly string[]): Promise<void> {
    await Promise.all([...this.#taking].map(([done, id]) => (ids.includes(id) ? done : undefined)))
  }

  /** Resolves when these are taken up, or refused. */
  takeUp(given: readonly Given[]): Promise<unknown> {
    const isDeadly = ({ partition }: Given): boolean => this.#deadly.has(partition)
    const others = given.filter(each => !isDeadly(each)).map(each => this.#taken(each, this.#assign(each)))
    const first = Promise.all(others)
    return Promise.all([
      ...others,
      ...given.filter(isDeadly).map(each => this.#taken(each, this.#assignLast(each, first))),
    ])
  }

  #taken({ id }: Given, done: Promise<void>): Promise<void> {
    this.#taking.set(done, id)
    return done.finally(() => this.#taking.delete(done))
  }

  async #assignLast(given: Given, others: Promise<unknown>): Promise<void> {
    await others
    this.#deadly.delete(given.partition)
    await this.#assign(given)
  }

  async #assign({ partition, slot, handle, assignment }: Given): Promise<void> {
    // It may have been taken away before its member heard of it.
    if (this.#group.slots.get(partition) !== slot || this.#revoked.has(slot)) return
    try {
      await handle.assign(assignment)
    } catch (error) {
      refuse(handle, error)
    }
  }
}

/** A dead thread is told by its exit, behind this; anything else fails the member, or its partition would have no reader and no error. */
export function refuse(handle: MemberHandle, error: unknown): void {
  const kind = error instanceof CallError ? error.failure.kind : null
  if (kind === null || kind === 'deadline' || kind === 'full') handle.refused(error)
}
