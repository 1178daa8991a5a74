/**
 * Hands one group's partitions to its members and takes them back.
 *
 * The control thread. A shell around assignment.ts: inputs are taken one after another, and each one's effects are
 * carried out before the next. A reader is fenced (its slot closed at the partition host) before its partition goes to
 * anyone else.
 */
import { CallError, type Calls } from '../../actors/control-port.ts'
import type { Assignment, GroupPlace, MemberApi, PartitionPlace, SlotCrash, SlotPlace } from '../protocol.ts'
import {
  type AssignmentEffect,
  type AssignmentInput,
  type AssignmentState,
  openAssignment,
  step,
} from './assignment.ts'
import type { Catalog, ClientEntry, GroupEntry, TopicEntry } from './catalog.ts'
import type { PartitionHosts } from './partition-hosts.ts'

/** One incarnation of a member, as the coordinator reaches it. */
export interface MemberHandle {
  readonly run: number
  readonly client: ClientEntry
  readonly api: Calls<MemberApi>
  readonly confirms: boolean
  /** The member cannot take a partition: its handler's `start` failed. */
  refused(error: unknown): void
}

/** What a member's slots looked like when its thread ended. */
export type CrashOf = (slot: SlotPlace) => SlotCrash

export class GroupCoordinator {
  readonly group: GroupEntry
  readonly #topic: TopicEntry
  readonly #catalog: Catalog
  readonly #hosts: PartitionHosts
  readonly #members = new Map<string, MemberHandle>()
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
      const handle = this.#members.get(id)
      if (handle === undefined) return
      await this.#closeSlotsOf(handle, crashOf)
      await this.#step({ kind: 'down', member: id })
    })
  }

  /** Members go for good. With `stop` their handlers' `stop` is run; resolves to what those returned, by partition. */
  leave(
    ids: readonly string[],
    stop: boolean,
  ): Promise<readonly { readonly partition: number; readonly result: unknown }[]> {
    return this.#enqueue(async () => {
      const leaving = ids.flatMap(id => this.#members.get(id) ?? [])
      const clients = new Map(leaving.map(handle => [handle.client.place.client, handle]))
      const results: { readonly partition: number; readonly result: unknown }[] = []
      const slots = [...this.group.slots].filter(([, slot]) => clients.has(slot.client))
      await Promise.all(
        slots.map(async ([partition, slot]) => {
          const handle = clients.get(slot.client) as MemberHandle
          try {
            const answer = await handle.api.revoke(handle.run, slot.member, slot.epoch, stop)
            if ('result' in answer) results.push({ partition, result: answer.result })
          } catch (error) {
            if (!(error instanceof CallError)) throw error
          }
          await this.#closeSlot(partition, slot, null)
        }),
      )
      for (const id of ids) this.#members.delete(id)
      await this.#step({ kind: 'gone', members: ids })
      return results.sort((a, b) => a.partition - b.partition)
    })
  }

  async #closeSlotsOf(handle: MemberHandle, crashOf: CrashOf): Promise<void> {
    const slots = [...this.group.slots].filter(([, slot]) => slot.client === handle.client.place.client)
    await Promise.all(slots.map(([partition, slot]) => this.#closeSlot(partition, slot, crashOf(slot))))
  }

  async #closeSlot(partition: number, slot: SlotPlace, crash: SlotCrash | null): Promise<void> {
    const { host } = this.#topic.places[partition] as { readonly host: number }
    await this.#hosts.call(host, api => api.closeSlot(slot.member, slot.epoch, crash))
    if (this.group.slots.get(partition) === slot) this.group.slots.delete(partition)
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
        await this.#assign(handle, partition)
        return null
      }
      const slot = this.group.slots.get(partition)
      if (slot !== undefined) {
        await handle.api.revoke(handle.run, slot.member, slot.epoch, true)
        await this.#closeSlot(partition, slot, null)
      }
      return partition
    } catch (error) {
      // A dead thread is told by its exit, behind this in the queue; anything else is the member's own failure.
      if (!(error instanceof CallError)) handle.refused(error)
      return null
    }
  }

  async #assign(handle: MemberHandle, partition: number): Promise<void> {
    const place = this.#topic.places[partition] as PartitionPlace
    const slot = this.#catalog.addSlot(this.group, partition, handle.client, handle.confirms)
    const start = await this.#hosts.call(place.host, api => api.openSlot(slot))
    const { group } = this.group.places[partition] as GroupPlace
    const assignment: Assignment = { ...slot, ...start, topic: this.#topic.shape, group, place }
    await handle.api.assign(handle.run, assignment)
  }
}
