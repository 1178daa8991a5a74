/**
 * Hands one group's partitions to its members and takes them back.
 *
 * The control thread. A shell around assignment.ts: inputs are taken one after another, and each one's effects are
 * carried out before the next. A reader is fenced (its slot closed at the partition host) before its partition goes to
 * anyone else.
 */
import { CallError } from '../../actors/control-port.ts'
import type { Assignment, GroupPlace, PartitionPlace, RevokeAnswer, SlotCrash, SlotPlace } from '../protocol.ts'
import {
  type AssignmentEffect,
  type AssignmentInput,
  type AssignmentState,
  openAssignment,
  step,
} from './assignment.ts'
import type { Catalog, ClientEntry, GroupEntry, TopicEntry } from './catalog.ts'
import type { PartitionHosts } from './partition-hosts.ts'

/** One incarnation of a member, as the coordinator reaches it. Calls reject with CallError when its thread is gone. */
export interface MemberHandle {
  readonly client: ClientEntry
  readonly confirms: boolean
  assign(assignment: Assignment): Promise<void>
  revoke(member: number, epoch: number, stop: boolean): Promise<RevokeAnswer>
  /** The member cannot take a partition: its handler's `start` failed, or does not return. */
  refused(error: unknown): void
}

/** What a member's slots looked like when its thread ended. */
export type CrashOf = (slot: SlotPlace) => SlotCrash

const NEVER = new Promise<never>(() => undefined)

export class GroupCoordinator {
  readonly group: GroupEntry
  readonly #topic: TopicEntry
  readonly #catalog: Catalog
  readonly #hosts: PartitionHosts
  readonly #members = new Map<string, MemberHandle>()
  /** Who holds the open slot of a partition; several members may share one thread. */
  readonly #holders = new Map<number, string>()
  #state: AssignmentState
  #queue: Promise<unknown> = Promise.resolve()

  constructor(catalog: Catalog, hosts: PartitionHosts, topic: TopicEntry, group: GroupEntry) {
    this.#catalog = catalog
    this.#hosts = hosts
    this.#topic = topic
    this.group = group
    this.#state = openAssignment(topic.shape.partitions)
  }

  get members(): number {
    return this.#members.size
  }

  /** Members that hold partitions now. */
  get owners(): number {
    return [...this.#state.members.values()].filter(member => member.up && member.owned.length > 0).length
  }

  #enqueue<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(task)
    this.#queue = done.catch(() => undefined)
    return done
  }

  /** A member came (again). Resolves when it has its partitions. */
  up(id: string, handle: MemberHandle): Promise<void> {
    return this.#enqueue(async () => {
      this.#members.set(id, handle)
      await this.#step({ kind: 'up', member: id })
    })
  }

  /** A member's thread has ended; its slots are fenced and what was executing is charged. */
  down(id: string, crashOf: CrashOf): Promise<void> {
    return this.#enqueue(async () => {
      if (!this.#members.has(id)) return
      const slots = this.#slotsOf([id])
      await Promise.all(slots.map(({ partition, slot }) => this.#closeSlot(partition, slot, crashOf(slot))))
      await this.#step({ kind: 'down', member: id })
    })
  }

  /**
   * Members go for good. With `stop` their handlers' `stop` is run; resolves to what those returned, by partition. What
   * goes wrong in one of them is thrown when all have gone. Those that have not let go when `late` resolves are fenced.
   */
  leave(
    ids: readonly string[],
    stop: boolean,
    late: Promise<unknown>,
  ): Promise<readonly { readonly partition: number; readonly result: unknown }[]> {
    return this.#enqueue(async () => {
      const results: { readonly partition: number; readonly result: unknown }[] = []
      const errors: unknown[] = []
      await Promise.all(
        this.#slotsOf(ids).map(async ({ partition, slot, handle }) => {
          const revoked = this.#revoke(handle, partition, slot, stop, late).catch(error => void errors.push(error))
          const answer = await revoked
          if (answer !== undefined && 'result' in answer) results.push({ partition, result: answer.result })
        }),
      )
      for (const id of ids) this.#members.delete(id)
      await this.#step({ kind: 'gone', members: ids })
      if (errors.length > 0) throw errors[0]
      return results.sort((a, b) => a.partition - b.partition)
    })
  }

  #slotsOf(ids: readonly string[]): { partition: number; slot: SlotPlace; handle: MemberHandle }[] {
    return [...this.group.slots].flatMap(([partition, slot]) => {
      const holder = this.#holders.get(partition)
      const handle = holder === undefined || !ids.includes(holder) ? undefined : this.#members.get(holder)
      return handle === undefined ? [] : [{ partition, slot, handle }]
    })
  }

  /** Has a member let a partition go, and fences it, however that ends. */
  async #revoke(
    handle: MemberHandle,
    partition: number,
    slot: SlotPlace,
    stop: boolean,
    late: Promise<unknown>,
  ): Promise<RevokeAnswer | undefined> {
    let answer: RevokeAnswer | undefined
    try {
      answer = await Promise.race([handle.revoke(slot.member, slot.epoch, stop), late.then(() => undefined)])
    } catch (error) {
      if (!(error instanceof CallError)) throw error
    } finally {
      await this.#closeSlot(partition, slot, null)
      // Its reader has said that it writes there no more.
      if (answer?.held === true) this.#catalog.freeSlot(handle.client, slot)
    }
    return answer
  }

  async #closeSlot(partition: number, slot: SlotPlace, crash: SlotCrash | null): Promise<void> {
    const { host } = this.#topic.places[partition] as { readonly host: number }
    await this.#hosts.call(host, api => api.closeSlot(slot.member, slot.epoch, crash))
    if (this.group.slots.get(partition) !== slot) return
    this.group.slots.delete(partition)
    this.#holders.delete(partition)
  }

  async #step(input: AssignmentInput): Promise<void> {
    const { state, effects } = step(this.#state, input)
    this.#state = state
    const revoked = await Promise.all(effects.map(effect => this.#carryOut(effect)))
    for (const partition of revoked) if (partition !== null) await this.#step({ kind: 'revoked', partition })
  }

  /** The partition, when it has been let go. */
  async #carryOut(effect: AssignmentEffect): Promise<number | null> {
    const { partition } = effect
    const handle = this.#members.get(effect.member)
    if (handle === undefined) return null
    try {
      if (effect.kind === 'assign') {
        await this.#assign(effect.member, handle, partition)
        return null
      }
      const slot = this.group.slots.get(partition)
      if (slot !== undefined && (await this.#revoke(handle, partition, slot, true, NEVER)) === undefined) return null
      return partition
    } catch (error) {
      // A dead thread is told by its exit, behind this in the queue; anything else is the member's own failure.
      if (!(error instanceof CallError) || error.failure.kind === 'deadline') handle.refused(error)
      return null
    }
  }

  async #assign(id: string, handle: MemberHandle, partition: number): Promise<void> {
    const place = this.#topic.places[partition] as PartitionPlace
    const slot = this.#catalog.addSlot(this.group, partition, handle.client, handle.confirms)
    this.#holders.set(partition, id)
    const start = await this.#hosts.call(place.host, api => api.openSlot(slot))
    const { group } = this.group.places[partition] as GroupPlace
    await handle.assign({ ...slot, ...start, topic: this.#topic.shape, group, place })
  }
}
