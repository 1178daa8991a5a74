/**
 * Gives topics more partitions while they are in use.
 *
 * The control thread, one opening, deletion or growth at a time. In this order: memory for all that is new; on disk the catalog says
 * how far the topic grows; partition hosts make the partitions, then letter indexes, groups and rings; and one record of the catalog says that
 * the topic has them. Before that record the topic has its old count, after it the new one, wherever the process ends
 * (unfinished-growth.ts). Only then anybody hears of it: groups that run are given the new partitions, and threads that publish get
 * their rings. Until a thread has heard, its records go to the partitions that it knows, which is where they would have gone before.
 *
 * A topic that takes dead letters has a partition for each of its source's, because letters are written by the partition host of
 * their record; such a topic grows with its source. One that has fewer, and takes letters of several partitions in one, stays as it
 * is: a group looks for its letters where they were.
 */
import { CallError, type Calls } from '../../actors/control-port.ts'
import { letterPartition } from '../dead-letters/letter-partition.ts'
import { storeError } from '../log/store/store-errors.ts'
import { PARTITIONS_MAX } from '../options/option-rules.ts'
import type { PartitionHostApi } from '../wire/host-calls.ts'
import type { GrownTopic } from '../wire/producer-places.ts'
import { MillraceError } from '../words/errors.ts'
import type { BrokerDirectory } from './broker-directory.ts'
import type { Caller } from './caller.ts'
import type { Catalog } from './catalog.ts'
import type { ThreadEntry, TopicEntry } from './catalog-entries.ts'
import type { NamedProducers } from './named-producers.ts'
import type { Openings } from './openings.ts'
import type { PartitionHosts } from './partition-hosts.ts'
import { hostOf } from './placement.ts'
import type { Runs } from './runs.ts'
import { type Added, TopicExtension } from './topic-extension.ts'
import { removeUnfinished } from './unfinished-growth.ts'

/** Tells a partition host of what belongs to its partitions, of all that one topic gets. */
type Stage = (
  api: Calls<PartitionHostApi>,
  added: Added,
  isHere: (place: { readonly partition: number }) => boolean,
) => Promise<unknown>[]

export class PartitionGrowth {
  readonly #catalog: Catalog
  readonly #hosts: PartitionHosts
  readonly #directory: BrokerDirectory | null
  readonly #openings: Openings
  readonly #producers: NamedProducers
  readonly #runs: Runs
  readonly #callers: () => readonly Caller[]

  /** `callers`: threads that publish and live, besides those of runs. */
  constructor(
    parts: {
      readonly catalog: Catalog
      readonly hosts: PartitionHosts
      readonly directory: BrokerDirectory | null
      readonly callers: () => readonly Caller[]
    },
    openings: Openings,
    producers: NamedProducers,
    runs: Runs,
  ) {
    this.#catalog = parts.catalog
    this.#hosts = parts.hosts
    this.#directory = parts.directory
    this.#openings = openings
    this.#producers = producers
    this.#runs = runs
    this.#callers = parts.callers
  }

  /**
   * Adds so many partitions to a topic, and returns what the thread that asked for it needs to publish to them.
   *
   * @throws MillraceError MILL_OUT_OF_RANGE, MILL_MEMORY, MILL_CONFIG_MISMATCH, MILL_TOPIC_DELETED, MILL_DISK, and nothing has changed
   */
  async add(thread: number, id: number, count: number): Promise<readonly GrownTopic[]> {
    const topic = this.#catalog.topic(id)
    const wanted = await this.#wanted(topic, checkedCount(topic, count))
    this.#extendStored(wanted)
    const extension = new TopicExtension(this.#catalog, this.#directory, wanted, {
      runningOf: each => this.#runs.runningOf(each),
      isProducing: producer => this.#producers.isOpen(producer),
    })
    try {
      await this.#make(extension.added)
    } catch (error) {
      await this.#undo(extension)
      throw error
    }
    extension.settle()
    const grownFor = (id: number): readonly GrownTopic[] =>
      extension.added.map(({ topic: { shape }, rings }) => {
        const own = rings.filter(ring => ring.thread === id)
        return { topic: shape, rings: own.map(({ producer, place }) => ({ producer, place })) }
      })
    const ids = new Set(extension.added.map(({ topic: { shape } }) => shape.id))
    this.#runs.grown(ids, ({ place }: ThreadEntry) => grownFor(place.thread))
    for (const caller of this.#callers()) {
      const { thread: other } = caller.thread.place
      if (other !== thread) caller.tell({ kind: 'grown', topics: grownFor(other) })
    }
    return grownFor(thread)
  }

  /** How many partitions this topic is to have, and those that take its dead letters, wherever these lead. */
  async #wanted(topic: TopicEntry, partitions: number): Promise<Map<TopicEntry, number>> {
    const wanted = new Map([[topic, partitions]])
    // Dead-letter topics lead nowhere back to, so this ends.
    for (const [source, to] of wanted) {
      this.#checkLetters(source)
      await this.#openings.openLettersOf(source)
      for (const letters of this.#catalog.topics.values()) {
        if (!letters.deadLettersOf.has(source.shape.id) || letters.shape.partitions >= to) continue
        if (this.#hasRoomForAll(letters)) wanted.set(letters, Math.max(to, wanted.get(letters) ?? 0))
        else this.#checkHosts(source, to, letters)
      }
    }
    return wanted
  }

  /** Each partition of each of its sources has one of its own there. */
  #hasRoomForAll({ shape, deadLettersOf }: TopicEntry): boolean {
    return this.#shapesOf(deadLettersOf).every(({ partitions }) => partitions <= shape.partitions)
  }

  #shapesOf(ids: ReadonlySet<number>): readonly { readonly name: string; readonly partitions: number }[] {
    const shapes = new Map((this.#directory?.topics() ?? []).map(({ shape }) => [shape.id, shape]))
    for (const { shape } of this.#catalog.topics.values()) shapes.set(shape.id, shape)
    return [...ids].flatMap(id => shapes.get(id) ?? [])
  }

  /** A topic in which letters of several partitions share one cannot be given more: they would be looked for elsewhere. */
  #checkLetters({ shape, deadLettersOf }: TopicEntry): void {
    const larger = this.#shapesOf(deadLettersOf).find(({ partitions }) => partitions > shape.partitions)
    if (larger === undefined) return
    throw new MillraceError(
      'MILL_CONFIG_MISMATCH',
      `topic ${shape.name} keeps its ${shape.partitions} partitions: it takes the dead letters of topic ${larger.name}, which has ${larger.partitions}, and they stay in the partition they are in; give that one's groups another dead-letter topic first`,
    )
  }

  /** Letters are written by the partition host of their record. */
  #checkHosts({ shape: source }: TopicEntry, to: number, { shape: letters }: TopicEntry): void {
    const hosts = this.#catalog.hosts.length
    for (let partition = source.partitions; partition < to; partition++) {
      const letterHost = hostOf(letters, letterPartition(partition, letters.partitions), hosts)
      if (letterHost === hostOf(source, partition, hosts)) continue
      throw new MillraceError(
        'MILL_CONFIG_MISMATCH',
        `topic ${source.name} cannot have ${to} partitions: its dead letters go to topic ${letters.name}, which has ${letters.partitions}, and those of partition ${partition} would belong to another partition thread; give its groups another dead-letter topic`,
      )
    }
  }

  /** Numbers for groups of the folder, before anything counts on them. */
  #extendStored(wanted: ReadonlyMap<TopicEntry, number>): void {
    const directory = this.#directory
    if (directory === null) return
    try {
      removeUnfinished(directory.disk, directory)
    } catch (error) {
      throw storeError(error)
    }
    for (const [{ shape }, to] of wanted) {
      if (shape.log === null) continue
      directory.groups.extend(shape.id, shape.partitions, to, () => this.#catalog.nextStoredId())
    }
  }

  async #make(added: readonly Added[]): Promise<void> {
    const stored = new Map(
      added.filter(({ topic }) => topic.shape.log !== null).map(({ topic, to }) => [topic.shape.name, to]),
    )
    if (stored.size > 0) this.#directory?.beginGrowth(stored)
    for (const stage of this.#stages())
      await this.#everywhere((api, host) => {
        const { length: hosts } = this.#catalog.hosts
        return added.flatMap(each =>
          stage(api, each, ({ partition }) => hostOf(each.topic.shape, partition, hosts) === host),
        )
      })
    if (stored.size > 0) this.#directory?.endGrowth(stored)
  }

  /** In the order in which hosts are told: each needs what comes before. */
  #stages(): readonly Stage[] {
    // Of one that has ended meanwhile the host knows nothing any more.
    const isThere = (thread: number): boolean => this.#catalog.threads.get(thread)?.leaving === null
    return [
      (api, { places, topic: { shape } }, isHere) =>
        places.filter(isHere).map(place => api.addPartition(place, shape, [])),
      (api, { letterIndexes }, isHere) =>
        letterIndexes.filter(isHere).map(letterIndex => api.addLetterIndex(letterIndex)),
      (api, { groups }, isHere) =>
        groups.flatMap(({ places }) => places.filter(isHere).map(place => api.openGroup(place))),
      (api, { rings }, isHere) =>
        rings
          .filter(({ place, thread }) => isHere(place) && isThere(thread))
          .map(({ place, topic, thread, after }) => api.addRing(place, topic, thread, after)),
    ]
  }

  /** Returns when all calls are over, also those that come after one that failed: what they made is then let go. */
  async #everywhere(calls: (api: Calls<PartitionHostApi>, host: number) => Promise<unknown>[]): Promise<void> {
    const failed = await this.#hosts.all(async (api, host) => {
      const over = await Promise.allSettled(calls(api, host))
      const errors = over.flatMap(each => (each.status === 'rejected' ? [each.reason as Error] : []))
      // The host has died: all of it is done again by the next one.
      for (const error of errors) if (error instanceof CallError) throw error
      return errors
    })
    for (const error of failed.flat()) throw error
  }

  async #undo(extension: TopicExtension): Promise<void> {
    // First, or a host that is started again once it has let go would be told of them, and know them when their memory is another's.
    extension.takeBack()
    const dropping = this.#hosts.all(async api => {
      await Promise.all(extension.added.map(({ topic, from }) => api.dropPartitions(topic.shape.id, from)))
    })
    await this.#hosts.settled(dropping)
    extension.free()
    try {
      if (this.#directory !== null) removeUnfinished(this.#directory.disk, this.#directory)
    } catch {
      // What failed before is told, and the next growth or opening goes on from here.
    }
  }
}

/** How many partitions the topic is to have. @throws MillraceError MILL_OUT_OF_RANGE */
function checkedCount({ shape: { name, partitions } }: TopicEntry, count: number): number {
  const most = PARTITIONS_MAX - partitions
  if (count <= most) return partitions + count
  throw new MillraceError(
    'MILL_OUT_OF_RANGE',
    `topic ${name} has ${partitions} partitions, and ${PARTITIONS_MAX} are the most: ${most} can be added, and not ${count}`,
  )
}
