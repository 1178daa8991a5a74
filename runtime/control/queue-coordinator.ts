/**
 * Gives each member of a queue's runs a place at the queue, and takes it back: a consumer has a slot of its own, from its start to its
 * end, and no other consumer is concerned.
 *
 * The control thread. Inputs are taken one after another, and each is carried out before the next, but for one thing: once a
 * consumer's slot is open nobody waits until its member has taken it up, for that runs the handler's `start`. Which message a consumer
 * gets is the partition host's to decide. A consumer whose thread has died is fenced (its slot closed at the partition host) before
 * its successor has a slot, which has another number and another epoch.
 */
import { CallError } from '../../actors/control-port.ts'
import type { SlotCrash } from '../wire/host-calls.ts'
import type { PartitionPlace, SlotPlace, StartAt } from '../wire/places.ts'
import type { GrownTopic } from '../wire/producer-places.ts'
import type { Catalog } from './catalog.ts'
import type { GroupEntry, ThreadEntry, TopicEntry } from './catalog-entries.ts'
import { addConsumer } from './consumer-slots.ts'
import type { Coordinator } from './coordinator.ts'
import type { CrashOf, Farewell, MemberHandle } from './member-handle.ts'
import type { PartitionHosts } from './partition-hosts.ts'
import { refuse } from './taking-up.ts'

/** One life of a consumer. */
interface Consumer {
  readonly handle: MemberHandle
  readonly slot: SlotPlace
  /** Over when it has been taken up, or refused. */
  taking: Promise<void>
}

export class QueueCoordinator implements Coordinator {
  readonly group: GroupEntry
  readonly #queue: TopicEntry
  readonly #catalog: Catalog
  readonly #hosts: PartitionHosts
  /** Members that have joined, in this order; null: its thread has ended, or its slot could not be opened. */
  readonly #members = new Map<string, Consumer | null>()
  #inputs: Promise<unknown> = Promise.resolve()

  constructor(catalog: Catalog, hosts: PartitionHosts, queue: TopicEntry, group: GroupEntry) {
    this.#catalog = catalog
    this.#hosts = hosts
    this.#queue = queue
    this.group = group
  }

  get members(): number {
    return this.#members.size
  }

  get owners(): number {
    return this.group.slots.size
  }

  runOf(cursor: number, epoch: number): number | null {
    for (const consumer of this.#members.values())
      if (consumer?.slot.cursor === cursor && consumer.slot.epoch === epoch) return consumer.handle.run
    return null
  }

  /** The consumer that has this slot; null: it has ended. Its `endFor` resolves when its slot is closed. */
  consumerAt(cursor: number, epoch: number): MemberHandle | null {
    for (const consumer of this.#members.values()) {
      if (consumer?.slot.cursor !== cursor || consumer.slot.epoch !== epoch) continue
      const { handle } = consumer
      const { endFor } = handle
      if (endFor === undefined) return handle
      const ended = async (offset: number): Promise<void> => {
        await endFor(offset)
        // Its end is an input by then.
        await this.#enqueue(async () => undefined)
      }
      return { ...handle, endFor: ended }
    }
    return null
  }

  #enqueue<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#inputs.then(task)
    this.#inputs = done.catch(() => undefined)
    return done
  }

  async up(handles: ReadonlyMap<string, MemberHandle>): Promise<void> {
    // None is opened behind the next input, though one may have failed.
    const opened = await this.#enqueue(() =>
      Promise.allSettled(
        [...handles].map(async ([id, handle]) => {
          this.#members.set(id, null)
          const consumer = await this.#open(handle)
          this.#members.set(id, consumer)
          return consumer
        }),
      ),
    )
    await Promise.all(opened.map(one => (one.status === 'fulfilled' ? one.value.taking : undefined)))
    const failed = opened.find(one => one.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  /** @throws MillraceError MILL_MEMORY */
  async #open(handle: MemberHandle): Promise<Consumer> {
    const place = this.#queue.places[0] as PartitionPlace
    const slot = addConsumer(this.#catalog, this.group, handle)
    let start: StartAt
    try {
      start = await this.#openSlot(slot)
    } catch (error) {
      this.group.slots.delete(slot.cursor)
      throw error
    }
    const { group } = this.group.spec
    const assignment = { ...slot, ...start, snapshot: null, topic: this.#queue.shape, group, place }
    const taking = handle.assign(assignment).catch((error: unknown) => refuse(handle, error))
    return { handle, slot, taking }
  }

  #openSlot(slot: SlotPlace): Promise<StartAt> {
    return this.#hosts.call(this.#host, api => api.openSlot(slot))
  }

  get #host(): number {
    return (this.#queue.places[0] as PartitionPlace).host
  }

  down(id: string, crashOf: CrashOf): Promise<void> {
    return this.#enqueue(async () => {
      const consumer = this.#members.get(id)
      if (consumer == null) return
      this.#members.set(id, null)
      await this.#close(consumer.slot, crashOf(consumer.slot))
    })
  }

  async leave(_run: number, ids: readonly string[], stop: boolean): Promise<Farewell> {
    await Promise.all(ids.map(id => this.#members.get(id)?.taking))
    return this.#enqueue(async () => {
      const results: Farewell['results'][number][] = []
      const failures: Farewell['failures'][number][] = []
      await Promise.all(
        ids.map(async (id, partition) => {
          const consumer = this.#members.get(id)
          this.#members.delete(id)
          if (consumer == null) return
          const { handle, slot } = consumer
          try {
            const answer = await handle.revoke(slot.cursor, slot.epoch, stop)
            if ('result' in answer) results.push({ partition, result: answer.result })
            await this.#close(slot, null)
            if (answer.held) this.#catalog.freeSlot(handle.thread, slot)
          } catch (error) {
            if (!(error instanceof CallError)) failures.push({ partition, error })
            // Its exit is told behind this, when the slot is closed already.
            await this.#close(slot, error instanceof CallError ? await handle.crashOf(slot) : null)
          }
        }),
      )
      return { results: results.sort((a, b) => a.partition - b.partition), failures }
    })
  }

  async #close(slot: SlotPlace, crash: SlotCrash | null): Promise<void> {
    await this.#hosts.call(this.#host, api => api.closeSlot(slot.cursor, slot.epoch, crash))
    this.group.slots.delete(slot.cursor)
  }

  /** A queue has one partition for ever. */
  async grown(): Promise<void> {}

  tellGrown(grownFor: (thread: ThreadEntry) => readonly GrownTopic[]): void {
    for (const consumer of this.#members.values()) consumer?.handle.grown(grownFor(consumer.handle.thread))
  }
}
