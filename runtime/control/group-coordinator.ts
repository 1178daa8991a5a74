/**
 * Hands one group's partitions to its members and takes them back.
 *
 * The control thread. A shell around assignment.ts: inputs are taken one after another, and each one's effects are
 * carried out before the next, but for one thing: once a partition's slot is open, nobody waits until its member has
 * taken it up (taking-up.ts). A reader is fenced (its slot closed at the
 * partition host) before its partition goes to anyone else.
 */
import { CallError } from '../../actors/control-port.ts'
import type { SlotCrash } from '../wire/host-calls.ts'
import type { RevokeAnswer } from '../wire/member-calls.ts'
import type { GroupPlace, HandlerSnapshot, PartitionPlace, SlotPlace } from '../wire/places.ts'
import type { GrownTopic } from '../wire/producer-places.ts'
import {
  type AssignmentEffect,
  type AssignmentInput,
  type AssignmentState,
  type Assignor,
  openAssignment,
  step,
} from './assignment.ts'
import type { Catalog } from './catalog.ts'
import type { GroupEntry, ThreadEntry, TopicEntry } from './catalog-entries.ts'
import type { Coordinator } from './coordinator.ts'
import type { CrashOf, Farewell, MemberHandle, PartitionResult } from './member-handle.ts'
import type { PartitionHosts } from './partition-hosts.ts'
import { stickyAssignor } from './sticky-assignor.ts'
import { type Given, refuse, TakingUp } from './taking-up.ts'

export class GroupCoordinator implements Coordinator {
  readonly group: GroupEntry
  readonly #topic: TopicEntry
  readonly #catalog: Catalog
  readonly #hosts: PartitionHosts
  readonly #members = new Map<string, MemberHandle>()
  /** Which member holds each slot: one thread may be several members. */
  readonly #holders = new Map<SlotPlace, string>()
  /** What handlers' `stop` returned for partitions that moved on, by run. */
  readonly #moved = new Map<number, PartitionResult[]>()
  readonly #takingUp: TakingUp
  readonly #assignor: Assignor
  #state: AssignmentState
  #queue: Promise<unknown> = Promise.resolve()

  constructor(
    catalog: Catalog,
    hosts: PartitionHosts,
    topic: TopicEntry,
    group: GroupEntry,
    assignor: Assignor = stickyAssignor,
  ) {
    this.#assignor = assignor
    this.#takingUp = new TakingUp(group)
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

  /** The run whose member reads there; null: that reader has been replaced. */
  runOf(cursor: number, epoch: number): number | null {
    for (const slot of this.group.slots.values())
      if (slot.cursor === cursor && slot.epoch === epoch)
        return this.#members.get(this.#holders.get(slot) ?? '')?.run ?? null
    return null
  }

  #enqueue<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(task)
    this.#queue = done.catch(() => undefined)
    return done
  }

  /** Members came (again), together. Resolves when they have taken up their partitions; others need not wait for that. */
  async up(handles: ReadonlyMap<string, MemberHandle>): Promise<void> {
    const { takenUp } = await this.#enqueue(async () => {
      for (const [id, handle] of handles) {
        this.#members.set(id, handle)
        // What it owns, it is given at once.
        const owned = this.#state.members.get(id)?.owned ?? []
        await handle.careful(owned.map(partition => (this.group.places[partition] as GroupPlace).cursor))
      }
      return this.#step({ kind: 'up', members: [...handles.keys()] })
    })
    await takenUp
  }

  /** A member's thread has ended; its slots are fenced and what was executing is charged. */
  down(id: string, crashOf: CrashOf): Promise<void> {
    return this.#enqueue(async () => {
      if (!this.#members.has(id)) return
      await Promise.all(
        this.#slotsOf([id]).map(async ([partition, slot]) => {
          const crash = crashOf(slot)
          if (crash.executing) this.#takingUp.isDeadly(partition)
          await this.#closeSlot(partition, slot, crash)
        }),
      )
      await this.#step({ kind: 'down', member: id })
    })
  }

  /** The members of a run go for good, once they have taken up what they have. With `stop` their handlers' `stop` is run. */
  async leave(run: number, ids: readonly string[], stop: boolean): Promise<Farewell> {
    await this.#takingUp.over(ids)
    return this.#enqueue(async () => {
      const results = this.#moved.get(run) ?? []
      this.#moved.delete(run)
      const failures: Farewell['failures'][number][] = []
      await Promise.all(
        this.#slotsOf(ids).map(async ([partition, slot]) => {
          const handle = this.#members.get(this.#holders.get(slot) as string) as MemberHandle
          try {
            const answer = await this.#revoke(handle, slot, stop)
            if ('result' in answer) results.push({ partition, result: answer.result })
            await this.#closeSlot(partition, slot, null)
            this.#freeSlot(handle, slot, answer)
          } catch (error) {
            if (!(error instanceof CallError)) failures.push({ partition, error })
            // Its exit is told behind this in the queue, when the slot is closed already.
            const crash = error instanceof CallError ? await handle.crashOf(slot) : null
            await this.#closeSlot(partition, slot, crash)
          }
        }),
      )
      for (const id of ids) this.#members.delete(id)
      await this.#step({ kind: 'gone', members: ids })
      return { results: results.sort((a, b) => a.partition - b.partition), failures }
    })
  }

  /** Its topic has more partitions: members are given those. Resolves when they are owned, whenever they are taken up. */
  grown(): Promise<void> {
    return this.#enqueue(async () => {
      try {
        await this.#step({ kind: 'grown', partitions: this.#topic.shape.partitions })
      } catch (error) {
        // A partition that nobody reads would go unnoticed.
        for (const handle of this.#members.values()) refuse(handle, error)
      }
    })
  }

  /** Tells the threads of its members what topics have come to be. */
  tellGrown(grownFor: (thread: ThreadEntry) => readonly GrownTopic[]): void {
    for (const handle of this.#members.values()) handle.grown(grownFor(handle.thread))
  }

  #slotsOf(ids: readonly string[]): (readonly [partition: number, slot: SlotPlace])[] {
    return [...this.group.slots].filter(([, slot]) => ids.includes(this.#holders.get(slot) ?? ''))
  }

  async #closeSlot(partition: number, slot: SlotPlace, crash: SlotCrash | null): Promise<void> {
    const { host } = this.#topic.places[partition] as { readonly host: number }
    await this.#hosts.call(host, api => api.closeSlot(slot.cursor, slot.epoch, crash))
    this.#holders.delete(slot)
    if (this.group.slots.get(partition) === slot) this.group.slots.delete(partition)
  }

  #revoke(handle: MemberHandle, slot: SlotPlace, stop: boolean): Promise<RevokeAnswer> {
    this.#takingUp.isRevoked(slot)
    return handle.revoke(slot.cursor, slot.epoch, stop)
  }

  /** A slot outlives its reader only where that has not said that it writes there no more. */
  #freeSlot(handle: MemberHandle, slot: SlotPlace, answer: RevokeAnswer): void {
    if (answer.held) this.#catalog.freeSlot(handle.thread, slot)
  }

  /** Resolves when it is carried out; `takenUp` when the partitions that were given out are taken up as well. */
  async #step(input: AssignmentInput): Promise<{ readonly takenUp: Promise<unknown> }> {
    const { state, effects } = step(this.#state, input, this.#assignor)
    this.#state = state
    const given: Given[] = []
    // What concerns one partition in order: who comes back may be given what it is at once to let go again.
    const lanes = new Map<number, Promise<number | null>>()
    for (const effect of effects) {
      const before = lanes.get(effect.partition) ?? Promise.resolve(null)
      lanes.set(
        effect.partition,
        before.then(() => this.#carryOut(effect, given)),
      )
    }
    const revoked = await Promise.all(lanes.values())
    const taking: Promise<unknown>[] = [this.#takingUp.takeUp(given)]
    for (const partition of revoked)
      if (partition !== null) taking.push((await this.#step({ kind: 'revoked', partition })).takenUp)
    return { takenUp: Promise.all(taking) }
  }

  /** The partition, when it has been revoked. */
  async #carryOut(effect: AssignmentEffect, given: Given[]): Promise<number | null> {
    const { partition } = effect
    const handle = this.#members.get(effect.member)
    if (handle === undefined) return null
    if (effect.kind === 'assign') {
      given.push(await this.#open(effect.member, handle, partition))
      return null
    }
    try {
      const slot = this.group.slots.get(partition)
      if (slot !== undefined) {
        const answer = await this.#revoke(handle, slot, true)
        if ('result' in answer) {
          const moved = this.#moved.get(handle.run) ?? []
          this.#moved.set(handle.run, moved)
          moved.push({ partition, result: answer.result })
        }
        await this.#closeSlot(partition, slot, null)
        this.#freeSlot(handle, slot, answer)
      }
      return partition
    } catch (error) {
      refuse(handle, error)
      return null
    }
  }

  /** From here on it is owned, whenever its member takes it up. */
  async #open(id: string, handle: MemberHandle, partition: number): Promise<Given> {
    const place = this.#topic.places[partition] as PartitionPlace
    const slot = this.#catalog.addSlot(this.group, partition, handle.thread, handle.confirms)
    this.#holders.set(slot, id)
    const start = await this.#hosts.call(place.host, api => api.openSlot(slot))
    const { group } = this.group.places[partition] as GroupPlace
    const snapshot = this.#snapshotOf(slot.cursor, start.highWatermark)
    return {
      id,
      partition,
      handle,
      slot,
      assignment: { ...slot, ...start, snapshot, topic: this.#topic.shape, group, place },
    }
  }

  /**
   * Of records that a loss of power took it knows more than there is: it counts up to the end, for what comes next is new. That
   * is durable before anything comes next, or another loss of power would take the next records for those that it knows.
   */
  #snapshotOf(cursor: number, highWatermark: number): HandlerSnapshot | null {
    const kept = this.#catalog.snapshots.get(`${cursor}`)
    if (kept === null || kept.offset <= highWatermark || this.#topic.shape.log === null) return kept
    const snapshot = { ...kept, offset: highWatermark }
    this.#catalog.snapshots.keepDurably(`${cursor}`, snapshot)
    return snapshot
  }
}
