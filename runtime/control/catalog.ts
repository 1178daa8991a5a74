/**
 * What exists in one broker: threads attached, topics, rings, groups, slots, and the memory that each takes.
 *
 * The control thread owns it, alone allocates and frees, and tells partition hosts from it, again after their restart.
 */

import { join } from 'node:path'
import { Doorbell, type Memory, windowBytes } from 'sharedarraybuffer-ring'
import { letterIndexBytes } from '../dead-letters/memory-letter-index.ts'
import { openDisk } from '../log/disk/world-disk.ts'
import { frameBytesMax, partitionFolder } from '../log/store/log-place.ts'
import type { LetterIndexPlace } from '../wire/host-calls.ts'
import {
  BROKER_BYTES,
  BROKER_ROUTES,
  HOST_BELL,
  HOST_BYTES,
  PARTITION_BYTES,
  SLOT_BYTES,
  THREAD_BELL,
} from '../wire/layout.ts'
import { MEMORY_TUNING, type MemoryTuning } from '../wire/memory-tuning.ts'
import type {
  GroupPlace,
  HandlerSnapshot,
  PartitionLogPlace,
  PartitionPlace,
  SlotPlace,
  TopicShape,
} from '../wire/places.ts'
import type { ProducerState } from '../wire/producer-places.ts'
import { deletedTopic } from '../words/deleted-topic.ts'
import type { BrokerDirectory, GroupName } from './broker-directory.ts'
import type { GroupEntry, RingEntry, ThreadEntry, TopicEntry } from './catalog-entries.ts'
import { CatalogGroups } from './catalog-groups.ts'
import { Exchanges } from './exchanges.ts'
import { KeptStates } from './kept-states.ts'
import { hostOf } from './placement.ts'
import { SharedMemory } from './shared-memory.ts'
import { allocateThread } from './thread-memory.ts'

export class Catalog {
  readonly shared: SharedMemory
  readonly hosts: readonly { readonly address: number }[]
  readonly threads: Map<number, ThreadEntry> = new Map()
  readonly topics: Map<number, TopicEntry> = new Map()
  readonly topicsByName: Map<string, TopicEntry> = new Map()
  readonly rings: Map<number, RingEntry> = new Map()
  readonly groups: CatalogGroups
  readonly exchanges: Exchanges
  /** Of handlers, by member. */
  readonly snapshots: KeptStates<HandlerSnapshot>
  /** How far named producers are, by topic and name. */
  readonly producers: KeptStates<ProducerState>
  readonly #tuning: MemoryTuning
  readonly #directory: BrokerDirectory | null
  /** Address of the broker's own words. */
  readonly #broker: number
  /** What threads may be reading that were given up and have not ended. */
  #unread: { readonly blocks: readonly number[]; readonly readers: Set<number> }[] = []
  #nextId = 0
  #nextStoredId = 1

  constructor(memory: Memory, hosts: number, directory: BrokerDirectory | null, tuning: MemoryTuning = MEMORY_TUNING) {
    this.shared = new SharedMemory(memory, tuning)
    this.snapshots = keptStates(directory, 'snapshots')
    this.producers = keptStates(directory, 'producers')
    this.#directory = directory
    if (directory !== null) this.#nextStoredId = directory.firstId
    this.#tuning = tuning
    this.groups = new CatalogGroups(this.shared, this.topics, directory, {
      nextId: () => this.nextStoredId(),
      snapshotOffset: cursor => this.snapshots.get(`${cursor}`)?.offset ?? null,
    })
    this.#broker = this.shared.allocate(BROKER_BYTES, 'the broker')
    this.exchanges = new Exchanges(memory, this.#broker + BROKER_ROUTES, directory)
    this.hosts = Array.from({ length: hosts }, () => ({ address: this.shared.allocate(HOST_BYTES, 'the broker') }))
  }

  get memory(): Memory {
    return this.shared.memory
  }

  /** A number never given before in this broker, from 1. */
  nextId(): number {
    return ++this.#nextId
  }

  /** The same for what is known by it in a folder: never given before in any process. */
  nextStoredId(): number {
    if (this.#directory === null) return this.nextId()
    const id = this.#nextStoredId++
    this.#directory.reserveIds(id)
    return id
  }

  /** A number that is none of those, of what no folder knows: it is given again in the next process, and nothing is written for it. */
  nextPassingId(): number {
    return this.#directory === null ? this.nextId() : this.#nextStoredId++
  }

  addThread(): ThreadEntry {
    const { blocks, links } = allocateThread(this.shared, this.hosts)
    const thread = this.nextId()
    const entry: ThreadEntry = {
      place: { thread, address: blocks[0] as number, broker: this.#broker, links },
      blocks,
      leaving: null,
      slots: [],
      reads: new Set(),
    }
    this.threads.set(thread, entry)
    return entry
  }

  /** The address of a thread's doorbell. */
  bellOf(thread: ThreadEntry): number {
    return thread.place.address + THREAD_BELL
  }

  /** Wakes every thread: one that has just ended may have published something and not rung, or not to the end. */
  wakeAll(): void {
    for (const { address } of this.hosts) new Doorbell(this.memory, address + HOST_BELL).wake()
    for (const thread of this.threads.values()) new Doorbell(this.memory, this.bellOf(thread)).wake()
  }

  /** Frees what a thread had; its thread has ended and its rings are drained. */
  forgetThread(thread: number): void {
    const entry = this.threads.get(thread)
    if (entry === undefined) return
    for (const [id, ring] of this.rings) {
      if (ring.thread !== thread) continue
      this.rings.delete(id)
      this.shared.free(ring.place.address)
    }
    this.shared.free(...entry.blocks, ...entry.slots)
    this.threads.delete(thread)
    this.#unread = this.#unread.filter(({ blocks, readers }) => {
      readers.delete(thread)
      if (readers.size > 0) return true
      this.shared.free(...blocks)
      return false
    })
  }

  /**
   * Frees what readers of a topic had, all of which have let go: a thread that was given up, and has not ended, ends first. `callers` live on,
   * and have let go.
   */
  freeUnread(topic: number, blocks: readonly number[], callers: readonly ThreadEntry[]): void {
    for (const caller of callers) caller.reads.delete(topic)
    const readers = [...this.threads.values()].filter(thread => thread.reads.has(topic))
    if (readers.length > 0) this.#unread.push({ blocks, readers: new Set(readers.map(({ place }) => place.thread)) })
    else this.shared.free(...blocks)
  }

  /**
   * A topic, as it is from now on, and as a folder keeps it if it is on disk.
   *
   * @throws MillraceError MILL_MEMORY, MILL_DISK
   */
  addTopic(shape: TopicShape, madeFor: GroupName | null = null): TopicEntry {
    const { id, name } = shape
    const entry: TopicEntry = {
      shape,
      places: this.makePlaces(shape, 0),
      letterIndexes: [],
      deadLettersOf: new Set(this.#directory?.topic(name)?.deadLettersOf),
      madeFor,
    }
    try {
      this.keepTopic(entry)
    } catch (error) {
      this.shared.free(...entry.places.map(({ words }) => words))
      throw error
    }
    this.topics.set(id, entry)
    this.topicsByName.set(name, entry)
    return entry
  }

  /** Memory for the partitions of a topic from one on. A block begins with the words of its partition. @throws MillraceError MILL_MEMORY */
  makePlaces(shape: TopicShape, from: number): PartitionPlace[] {
    const { id, name, partitions } = shape
    const capacity = shape.log === null ? shape.windowBytes : Math.min(this.#tuning.restBytes, shape.windowBytes)
    const sizes = Array.from({ length: partitions - from }, () => PARTITION_BYTES + windowBytes(capacity))
    const addresses = this.shared.allocateAll(sizes, `topic ${name} with ${partitions} partitions`)
    return addresses.map((words, index) => {
      const partition = from + index
      return {
        topic: id,
        partition,
        host: hostOf(shape, partition, this.hosts.length),
        window: { address: words + PARTITION_BYTES, capacity },
        words,
        log: this.#logOf(shape, partition, words),
      }
    })
  }

  /** The topic and its groups are no more: no host is told of them again. Returns what is free once no host has them. */
  takeOut({ shape: { id, name }, places, letterIndexes }: TopicEntry): number[] {
    this.topics.delete(id)
    this.topicsByName.delete(name)
    // A block begins with the words of its partition.
    const blocks = [...places.map(({ words }) => words), ...this.shared.windows.takeOut(id)]
    for (const { address } of letterIndexes) if (address !== 0) blocks.push(address)
    for (const { spec } of [...this.groups.values()])
      if (spec.topic === id) blocks.push(...this.groups.takeOut(id, spec.group))
    return blocks
  }

  #logOf({ id, log, maxMessageBytes }: TopicShape, partition: number, words: number): PartitionLogPlace | null {
    if (log === null || this.#directory === null) return null
    const { dir, logId } = this.#directory
    return {
      folder: partitionFolder(dir, id, partition),
      logId,
      topic: id,
      partition,
      segmentBytes: log.segmentBytes,
      frameBytesMax: frameBytesMax(maxMessageBytes),
      words,
    }
  }

  keepTopic({ shape: { publishRate: _, ...shape }, deadLettersOf, madeFor }: TopicEntry): void {
    if (shape.log !== null) this.#directory?.keepTopic({ shape, deadLettersOf: [...deadLettersOf], madeFor })
  }

  /** The topic takes the dead letters of `source` from now on. */
  addDesks(topic: TopicEntry, source: TopicEntry): void {
    if (topic.letterIndexes.length === 0) topic.letterIndexes = this.makeLetterIndexes(topic.shape, topic.places)
    if (topic.deadLettersOf.has(source.shape.id)) return
    topic.deadLettersOf.add(source.shape.id)
    this.keepTopic(topic)
  }

  /** What these partitions need to take dead letters. @throws MillraceError MILL_MEMORY */
  makeLetterIndexes(
    { id, name, log, windowBytes: bytes }: TopicShape,
    places: readonly PartitionPlace[],
  ): LetterIndexPlace[] {
    const sizes = log === null ? places.map(() => letterIndexBytes(bytes)) : []
    const addresses = this.shared.allocateAll(sizes, `topic ${name}, to take dead letters,`)
    const groups = (log === null ? null : this.#directory)?.groups.of(id) ?? []
    return places.map(({ partition }, index) => ({
      topic: id,
      partition,
      address: addresses[index] ?? 0,
      readers: groups.map(cursors => cursors[partition] as number),
    }))
  }

  /** @throws MillraceError MILL_TOPIC_DELETED: nobody knows its number but who has opened it */
  topic(id: number): TopicEntry {
    const topic = this.topics.get(id)
    if (topic === undefined) throw deletedTopic(null)
    return topic
  }

  /** The partition has drained a closed ring. */
  forgetRing(id: number): void {
    const ring = this.rings.get(id)
    if (ring === undefined) return
    this.rings.delete(id)
    for (const next of this.rings.values()) if (next.after === id) next.after = 0
    this.shared.free(ring.place.address)
  }

  /** Frees a closed slot that its living reader will not write to. */
  freeSlot(thread: ThreadEntry, { slot }: SlotPlace): void {
    const index = thread.slots.indexOf(slot)
    if (index === -1) return
    thread.slots.splice(index, 1)
    this.shared.free(slot)
  }

  /** A new slot; it is freed with its thread, whose thread may write to it until it ends, if not by `freeSlot`. */
  addSlot(group: GroupEntry, partition: number, thread: ThreadEntry, confirms: boolean): SlotPlace {
    const slot = this.shared.allocate(SLOT_BYTES, 'a reader')
    thread.slots.push(slot)
    thread.reads.add(group.spec.topic)
    const cursor = (group.places[partition] as GroupPlace).cursor
    const place: SlotPlace = { cursor, epoch: this.nextId(), slot, thread: thread.place.thread, confirms }
    group.slots.set(partition, place)
    return place
  }
}

function keptStates<T>(directory: BrokerDirectory | null, name: string): KeptStates<T> {
  return new KeptStates<T>(
    directory?.disk ?? openDisk(),
    directory === null ? null : { path: join(directory.dir, name), logId: directory.logId },
  )
}
