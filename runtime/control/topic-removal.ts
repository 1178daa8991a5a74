/**
 * Takes a topic out of the broker: out of the folder, the partition hosts, shared memory and the disk, in this order.
 *
 * The control thread, one opening or removal at a time. The catalog of the folder says first that the topic is gone, in one
 * record: before that all of it is there, after that nobody finds it, in whatever process. Its name may then be another topic's,
 * which has another number, and nothing that is known by the old one (rings, groups, producers, files) is the new one's.
 *
 * Memory is free once no host has the topic any more; that of rings only when their producers have closed them, who are told by
 * the hosts (partition/gone-rings.ts).
 */
import type { BrokerDirectory } from './broker-directory.ts'
import type { Catalog } from './catalog.ts'
import type { ThreadEntry, TopicEntry } from './catalog-entries.ts'
import { removeDeletedTopic } from './deleted-topics.ts'
import type { PartitionHosts } from './partition-hosts.ts'

export class TopicRemoval {
  readonly #catalog: Catalog
  readonly #hosts: PartitionHosts
  readonly #directory: BrokerDirectory | null
  readonly #callers: () => readonly ThreadEntry[]

  /** `callers`: the threads that are not ended by this thread, and live. */
  constructor(
    catalog: Catalog,
    hosts: PartitionHosts,
    directory: BrokerDirectory | null,
    callers: () => readonly ThreadEntry[],
  ) {
    this.#catalog = catalog
    this.#hosts = hosts
    this.#directory = directory
    this.#callers = callers
  }

  /** For good, with its groups, of which none may run. @throws MillraceError MILL_DISK, MILL_CLOSED */
  async remove(topic: TopicEntry): Promise<void> {
    const { id, name, partitions, log } = topic.shape
    const directory = log === null ? null : this.#directory
    const cursors = this.#membersOf(id)
    directory?.deleteTopic(name)
    const blocks = this.#catalog.takeOut(topic)
    const unbound = this.#catalog.exchanges.forget(id, name)
    for (const other of this.#catalog.topics.values()) other.deadLettersOf.delete(id)
    await this.#hosts.all(api => api.dropTopic(id, { partitions, cursors }))
    this.#catalog.freeUnread(id, blocks, this.#callers())
    const { producers, snapshots } = this.#catalog
    for (const key of producers.names) if (key.startsWith(`${id}/`)) producers.forget(key)
    for (const cursor of cursors) snapshots.forget(`${cursor}`)
    if (directory === null) return
    // What leads to a topic that is gone leads nowhere, and whoever opens the folder next would remove it.
    directory.exchanges.forget(unbound)
    removeDeletedTopic(directory.disk, directory, { id, partitions })
  }

  /** Of a topic that is on disk and could not be opened: it stays there, and nothing of it is left here. */
  async close(topic: TopicEntry): Promise<void> {
    const blocks = this.#catalog.takeOut(topic)
    // Calls come in the order in which they were made: what was opened, and is being opened, is closed.
    await this.#hosts.settled(this.#hosts.all(api => api.dropTopic(topic.shape.id, null)))
    this.#catalog.shared.free(...blocks)
  }

  /** Of all its groups, opened or not. */
  #membersOf(id: number): number[] {
    const cursors = new Set(this.#directory?.groups.of(id).flat())
    for (const { spec, places } of this.#catalog.groups.values())
      if (spec.topic === id) for (const { cursor } of places) cursors.add(cursor)
    return [...cursors]
  }
}
