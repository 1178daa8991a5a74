/**
 * The partitions of a host, with their rings and dead letters: who of them is here, and comes and goes.
 *
 * The partition host's thread.
 */
import { RingConsumer } from 'sharedarraybuffer-ring'
import { IncomingRing } from '../partition/incoming-ring.ts'
import { Joints } from '../partition/joints.ts'
import { PartitionActor } from '../partition/partition-actor.ts'
import type { StoredWindow } from '../partition/stored-window.ts'
import type { Resident } from '../resident/resident.ts'
import type { LetterIndexPlace } from '../wire/host-calls.ts'
import type { HeldWindow, PartitionPlace, TopicShape } from '../wire/places.ts'
import type { RingPlace } from '../wire/producer-places.ts'
import { deletedTopic } from '../words/deleted-topic.ts'
import type { GoneTopics } from './gone-topics.ts'
import type { HostServices } from './host-services.ts'
import type { LetterDepths } from './letter-depths.ts'
import { PartitionResident } from './partition-resident.ts'
import type { Residence } from './residents.ts'
import type { UnreadWords } from './unread-words.ts'
import type { WindowChore } from './window-chore.ts'

/** What else of the host partitions have to do with. */
export interface TopicNeighbours {
  readonly gone: GoneTopics
  readonly letters: LetterDepths
  readonly unread: UnreadWords
  readonly windows: WindowChore
  /** Records were appended to a log. */
  appended(actor: PartitionActor): void
}

interface HostedPartition {
  readonly actor: PartitionActor
  readonly residence: Residence
}

export class Topics {
  readonly #host: HostServices
  readonly #neighbours: TopicNeighbours
  readonly #live: (resident: Resident) => Residence
  /** By topic, then by partition. */
  readonly #topics = new Map<number, Map<number, HostedPartition>>()
  readonly #joints: Joints

  constructor(host: HostServices, neighbours: TopicNeighbours, live: (resident: Resident) => Residence) {
    this.#host = host
    this.#neighbours = neighbours
    this.#live = live
    this.#joints = new Joints(host.fault)
  }

  #hosted(topic: number, partition: number): HostedPartition | undefined {
    return this.#topics.get(topic)?.get(partition)
  }

  /** All partitions of a topic that are here. */
  of(topic: number): PartitionActor[] {
    return [...(this.#topics.get(topic)?.values() ?? [])].map(({ actor }) => actor)
  }

  /** Null: it is not here. */
  find(topic: number, partition: number): PartitionActor | null {
    return this.#hosted(topic, partition)?.actor ?? null
  }

  /** One that the control thread has told of. */
  known(topic: number, partition: number): PartitionActor {
    const hosted = this.#hosted(topic, partition)
    if (hosted === undefined) throw new Error(`broken invariant: topic ${topic} partition ${partition} is not here`)
    return hosted.actor
  }

  /** What a caller asks for may be gone by now. @throws MillraceError MILL_TOPIC_DELETED */
  asked(topic: number, partition: number): PartitionActor {
    const hosted = this.#hosted(topic, partition)
    if (hosted === undefined) throw deletedTopic(null)
    return hosted.actor
  }

  wake({ topic, partition }: PartitionActor): void {
    this.#hosted(topic.id, partition)?.residence.wake()
  }

  /** Opens it, if it is not here already. @throws MillraceError MILL_DISK, MILL_CORRUPT */
  open(place: PartitionPlace, topic: TopicShape): PartitionActor {
    const known = this.find(topic.id, place.partition)
    if (known !== null) return known
    const partitions = this.#topics.get(topic.id) ?? new Map<number, HostedPartition>()
    this.#topics.set(topic.id, partitions)
    const { memory, fault, took, store, tell } = this.#host
    const actor: PartitionActor = new PartitionActor(memory, place, topic, {
      fault,
      // While the host naps, consumers would wait for their next messages.
      took: topic.queue === undefined ? took : () => undefined,
      ringDrained: ring => this.drained(ring),
      joints: this.#joints,
      woken: isAppended => {
        if (isAppended && actor.isOnDisk) this.#neighbours.appended(actor)
        this.wake(actor)
      },
      log: store?.open(place, topic) ?? null,
      windows: this.#neighbours.windows.loans,
    })
    const resident = new PartitionResident(actor, {
      tell,
      appended: () => this.#neighbours.appended(actor),
      unread: () => this.#neighbours.unread.add(actor),
    })
    partitions.set(place.partition, { actor, residence: this.#live(resident) })
    return actor
  }

  /** A ring is closed or orphaned, and drained. */
  drained(ring: IncomingRing): void {
    this.#host.links.removeRing(ring)
    this.#host.tell({ kind: 'ringDrained', ring: ring.id })
  }

  /** Lets the partitions of a topic go; what comes from their producers is not taken any more. `isDeleted`: nothing is kept. */
  drop(topic: number, isDeleted: boolean): void {
    for (const { actor } of this.#topics.get(topic)?.values() ?? []) {
      if (!isDeleted) this.#host.store?.drop(topic, actor.partition)
      for (const ring of actor.giveUpRings()) this.#neighbours.gone.add(topic, ring)
      this.#leave(actor)
    }
    this.#topics.delete(topic)
  }

  /** The partitions from one on, to which no thread publishes. Returns which they were. */
  dropFrom(topic: number, from: number): number[] {
    const partitions = this.#topics.get(topic) ?? new Map<number, HostedPartition>()
    const dropped = [...partitions.keys()].filter(partition => partition >= from)
    for (const partition of dropped) {
      this.#leave(this.known(topic, partition))
      partitions.delete(partition)
    }
    return dropped
  }

  #leave(actor: PartitionActor): void {
    this.#hosted(actor.topic.id, actor.partition)?.residence.leave()
    this.#neighbours.windows.loans.forget(actor.stored)
    this.#neighbours.letters.forget(actor)
    this.#neighbours.unread.forget(actor)
  }

  addLetterIndex({ topic, partition, address, readers }: LetterIndexPlace): void {
    const actor = this.known(topic, partition)
    if (actor.letterIndex !== null) return
    for (const cursor of readers) this.#addReader(actor, cursor)
    actor.takeDeadLetters(address)
    this.#neighbours.letters.touch(actor)
  }

  /** A group that may never be opened in this process: records that it has not read are kept for it. */
  #addReader({ groups }: PartitionActor, cursor: number): void {
    const kept = this.#host.store?.states.get(cursor)
    if (kept !== undefined && !groups.has(cursor)) groups.set(cursor, { committed: () => kept.committed })
  }

  /** `after`: the ring that is drained first, or 0. */
  addRing(place: RingPlace, topic: number, thread: number, after: number): void {
    const { memory, links } = this.#host
    const hosted = this.#hosted(topic, place.partition)
    const consumer = new RingConsumer(memory, place.address, place.capacity)
    const before = after !== 0 && hosted?.actor.ringOf(after) !== undefined ? after : 0
    const ring = new IncomingRing(place.ring, consumer, links.of(thread), before, links.isLeaving(thread))
    // Its topic was deleted before the ring was made, or before this thread was started in place of another.
    if (hosted === undefined) this.#neighbours.gone.add(topic, ring)
    else if (hosted.actor.addRing(ring)) links.addRing(ring, hosted.residence.wake)
  }

  /** Of a topic that was deleted meanwhile: null. */
  storedWindow({ topic, partition }: Pick<HeldWindow, 'topic' | 'partition'>): StoredWindow | null {
    return this.find(topic, partition)?.stored ?? null
  }
}
