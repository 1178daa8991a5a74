/**
 * The shared memory of partitions that topics get in addition: of their windows, letter indexes, groups and rings, all of it or nothing.
 *
 * The control thread. Made before anybody hears of the partitions, so that a partition host which is started again meanwhile is told
 * of them; their topics say that they have them (`TopicEntry.shape`) only when that is settled. A reader's slot for each is kept
 * free until then.
 */

import type { LetterIndexPlace } from '../wire/host-calls.ts'
import { SLOT_BYTES } from '../wire/layout.ts'
import type { GroupPlace, PartitionPlace } from '../wire/places.ts'
import type { BrokerDirectory } from './broker-directory.ts'
import type { Catalog } from './catalog.ts'
import type { GroupEntry, RingEntry, TopicEntry } from './catalog-entries.ts'
import { addRings } from './producer-rings.ts'

/** What one topic gets. */
export interface Added {
  readonly topic: TopicEntry
  /** The first partition that it did not have, and how many it is to have. */
  readonly from: number
  readonly to: number
  readonly places: readonly PartitionPlace[]
  letterIndexes: readonly LetterIndexPlace[]
  readonly groups: { readonly group: GroupEntry; readonly places: readonly GroupPlace[] }[]
  readonly rings: RingEntry[]
}

/** What it needs to know of others. */
export interface ExtensionUpcalls {
  /** Groups of a topic that run. */
  runningOf(topic: number): number
  /** Whether a named producer is open. */
  isProducing(producer: number): boolean
}

export class TopicExtension {
  readonly added: Added[] = []
  readonly #catalog: Catalog
  readonly #directory: BrokerDirectory | null
  readonly #around: ExtensionUpcalls
  /** What is free again if it comes to nothing. */
  #blocks: number[] = []
  #slots: number[] = []

  /** `wanted`: how many partitions topics are to have. @throws MillraceError MILL_MEMORY, and nothing has changed */
  constructor(
    catalog: Catalog,
    directory: BrokerDirectory | null,
    wanted: ReadonlyMap<TopicEntry, number>,
    around: ExtensionUpcalls,
  ) {
    this.#catalog = catalog
    this.#directory = directory
    this.#around = around
    try {
      // All partitions first: groups of one topic have their dead letters in another.
      for (const [topic, to] of wanted) this.added.push(this.#places(topic, to))
      for (const added of this.added) this.#inhabit(added)
    } catch (error) {
      this.takeBack()
      this.free()
      throw error
    }
  }

  #places(topic: TopicEntry, to: number): Added {
    const from = topic.places.length
    const places = this.#catalog.makePlaces({ ...topic.shape, partitions: to }, from)
    this.#blocks.push(...places.map(({ words }) => words))
    topic.places = [...topic.places, ...places]
    return { topic, from, to, places, letterIndexes: [], groups: [], rings: [] }
  }

  #inhabit(added: Added): void {
    const { topic, from, to, places, groups } = added
    const { id } = topic.shape
    const catalog = this.#catalog
    if (topic.letterIndexes.length > 0) {
      added.letterIndexes = catalog.makeLetterIndexes(topic.shape, places)
      for (const { address } of added.letterIndexes) if (address !== 0) this.#blocks.push(address)
      topic.letterIndexes = [...topic.letterIndexes, ...added.letterIndexes]
    }
    for (const group of catalog.groups.values()) {
      if (group.spec.topic !== id) continue
      const membersOf = (): readonly number[] => this.#membersOf(topic, group)
      const more = catalog.groups.makePlaces(topic, group.spec, group.deadLetterTopic, membersOf, from)
      this.#blocks.push(...more.map(({ block }) => block))
      group.places = [...group.places, ...more]
      groups.push({ group, places: more })
    }
    for (const { thread, producer } of this.#producersOf(id))
      added.rings.push(...addRings(catalog, thread, topic, producer, from))
    const slots = this.#around.runningOf(id) * (to - from)
    for (let slot = 0; slot < slots; slot++) this.#slots.push(catalog.shared.allocate(SLOT_BYTES, 'a reader'))
  }

  #membersOf({ shape: { id, log }, places }: TopicEntry, { spec, places: known }: GroupEntry): readonly number[] {
    const stored = log === null ? undefined : this.#directory?.groups.cursors(id, spec.group)
    return stored ?? places.map(({ partition }) => known[partition]?.cursor ?? this.#catalog.nextStoredId())
  }

  /** Who publishes to the topic, and may go on with that. */
  #producersOf(topic: number): readonly { readonly thread: number; readonly producer: number | null }[] {
    const found = new Map<string, { readonly thread: number; readonly producer: number | null }>()
    for (const { topic: its, thread, producer } of this.#catalog.rings.values()) {
      if (its !== topic || this.#catalog.threads.get(thread)?.leaving !== null) continue
      if (producer === null || this.#around.isProducing(producer))
        found.set(`${thread}/${producer}`, { thread, producer })
    }
    return [...found.values()]
  }

  /** The topics have the partitions from now on. */
  settle(): void {
    for (const { topic, to } of this.added) topic.shape = { ...topic.shape, partitions: to }
    this.#freeSlots()
  }

  /** Nothing has changed, and no partition host is told of it any more; those that were have still to let go. */
  takeBack(): void {
    for (const { topic, from, groups, rings } of this.added) {
      topic.places = topic.places.slice(0, from)
      this.#blocks.push(...this.#catalog.shared.windows.takeOut(topic.shape.id, from))
      topic.letterIndexes = topic.letterIndexes.slice(0, from)
      for (const { group } of groups) group.places = group.places.slice(0, from)
      // A thread that ended meanwhile has given its rings back.
      for (const { place } of rings) if (this.#catalog.rings.delete(place.ring)) this.#blocks.push(place.address)
    }
  }

  /** No partition host knows of what was taken back. */
  free(): void {
    this.#catalog.shared.free(...this.#blocks)
    this.#blocks = []
    this.#freeSlots()
  }

  #freeSlots(): void {
    this.#catalog.shared.free(...this.#slots)
    this.#slots = []
  }
}
