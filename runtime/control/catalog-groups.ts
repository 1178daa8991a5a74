/**
 * The groups of a broker, by topic and name, with the shared memory that each takes in the partitions of its topic.
 *
 * The control thread owns it. A group on disk keeps the cursors that an earlier process gave it.
 */
import { letterPartition } from '../dead-letters/letter-partition.ts'
import type { GroupSpec } from '../wire/control-calls.ts'
import { GROUP_BYTES, QUEUE_BLOCK_BYTES } from '../wire/layout.ts'
import type { GroupPlace } from '../wire/places.ts'
import { idBlockBytes, queueBlockBytes, queueMessages } from '../wire/queue-places.ts'
import type { BrokerDirectory } from './broker-directory.ts'
import type { GroupEntry, TopicEntry } from './catalog-entries.ts'
import type { SharedMemory } from './shared-memory.ts'

/** What groups take from the catalog. */
export interface GroupUpcalls {
  /** A number never given before, in any process if there is a folder. */
  nextId(): number
  /** Where the last snapshot of its handler goes on; null: there is none. */
  snapshotOffset(cursor: number): number | null
}

export class CatalogGroups {
  readonly #shared: SharedMemory
  readonly #topics: ReadonlyMap<number, TopicEntry>
  readonly #directory: BrokerDirectory | null
  readonly #known: GroupUpcalls
  readonly #entries = new Map<string, GroupEntry>()

  constructor(
    shared: SharedMemory,
    topics: ReadonlyMap<number, TopicEntry>,
    directory: BrokerDirectory | null,
    known: GroupUpcalls,
  ) {
    this.#shared = shared
    this.#topics = topics
    this.#directory = directory
    this.#known = known
  }

  find(topic: number, group: string): GroupEntry | undefined {
    return this.#entries.get(keyOf(topic, group))
  }

  values(): IterableIterator<GroupEntry> {
    return this.#entries.values()
  }

  add(topic: TopicEntry, spec: GroupSpec, deadLetterTopic: number, joined: boolean | null): GroupEntry {
    const places = this.makePlaces(topic, spec, deadLetterTopic, () => this.#cursorsOf(topic, spec.group), 0)
    const entry: GroupEntry = { spec, deadLetterTopic, joined, places, slots: new Map() }
    this.#entries.set(keyOf(topic.shape.id, spec.group), entry)
    return entry
  }

  /** Memory for a group in the partitions of its topic from one on; `cursorsOf` gives numbers by partition. @throws MillraceError MILL_MEMORY */
  makePlaces(
    { shape: { id, name, log, queue, windowBytes }, places }: TopicEntry,
    { group, policy, from: begin }: GroupSpec,
    deadLetterTopic: number,
    cursorsOf: () => readonly number[],
    from: number,
  ): GroupPlace[] {
    const here = places.slice(from)
    const isQueue = queue !== undefined
    // On disk nothing is kept in memory for each message.
    const messages = log === null ? queueMessages(windowBytes) : 0
    const inMemory = queueBlockBytes(windowBytes) + (isQueue ? idBlockBytes(queue) : 0)
    const queueBytes = log === null ? inMemory : QUEUE_BLOCK_BYTES
    const sizes = here.map(() => (isQueue ? queueBytes : GROUP_BYTES))
    const blocks = this.#shared.allocateAll(sizes, isQueue ? `queue ${name}` : `group ${group}`)
    const cursors = cursorsOf()
    const added =
      from > 0 ? from : ((log === null ? null : this.#directory)?.groups.addedFrom(id, group) ?? places.length)
    return here.map(({ partition }, index) => ({
      cursor: cursors[partition] as number,
      topic: id,
      topicName: name,
      group,
      partition,
      block: blocks[index] as number,
      policy,
      ...this.#lettersOf(deadLetterTopic, partition),
      // What was published there before the group had it is to be read, whatever it asked for when it was new.
      from: partition >= added ? 'earliest' : begin,
      snapshotOffset: this.#known.snapshotOffset(cursors[partition] as number),
      ...(isQueue ? { queue: { messages } } : {}),
    }))
  }

  #lettersOf(id: number, partition: number): Pick<GroupPlace, 'deadLetterTopic' | 'deadLetterPartition'> {
    const letters = this.#topics.get(id)?.places.length ?? 1
    return { deadLetterTopic: id, deadLetterPartition: letterPartition(partition, letters) }
  }

  #cursorsOf({ shape: { id, log }, places }: TopicEntry, group: string): readonly number[] {
    const directory = log === null ? null : this.#directory
    const known = directory?.groups.cursors(id, group)
    if (known !== undefined) return known
    const cursors = places.map(this.#known.nextId)
    directory?.groups.keep(id, group, cursors)
    return cursors
  }

  /** Nobody has joined it any more: who does next sets its options. */
  unjoin(known: GroupEntry): GroupEntry {
    const places = known.places.map(place => ({ ...place, ...this.#lettersOf(-1, place.partition) }))
    const entry: GroupEntry = { ...known, joined: null, deadLetterTopic: -1, places }
    this.#entries.set(keyOf(known.spec.topic, known.spec.group), entry)
    return entry
  }

  /** A group that was only named gets the options of the first who joins it. */
  join(named: GroupEntry, spec: GroupSpec, deadLetterTopic: number): GroupEntry {
    const { policy } = spec
    const places = named.places.map(place => {
      return { ...place, policy, ...this.#lettersOf(deadLetterTopic, place.partition) }
    })
    const entry: GroupEntry = { ...named, spec, deadLetterTopic, joined: true, places }
    this.#entries.set(keyOf(spec.topic, spec.group), entry)
    return entry
  }

  /** Cursors of a group, also of one that nobody has opened in this process; undefined: there is none. */
  knownCursors(topic: number, group: string): readonly number[] | undefined {
    return this.find(topic, group)?.places.map(({ cursor }) => cursor) ?? this.#directory?.groups.cursors(topic, group)
  }

  /** The group is no more: no host is told of it again. Returns what is free once no host has it. */
  takeOut(topic: number, group: string): number[] {
    const key = keyOf(topic, group)
    const blocks = this.#entries.get(key)?.places.map(({ block }) => block) ?? []
    this.#entries.delete(key)
    return blocks
  }
}

function keyOf(topic: number, group: string): string {
  return `${topic}/${group}`
}
