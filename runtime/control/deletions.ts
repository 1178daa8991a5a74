/**
 * Deletes topics and groups: who is in the way, and what goes with them.
 *
 * The control thread, one opening or deletion at a time. Nothing is deleted under a run: whoever reads a topic, puts its output
 * or its dead letters there, stops first. Producers are no obstacle, and are told.
 *
 * A dead-letter topic that was made for a group goes with it, if no letter is left in it and nobody else has come to use it: it
 * takes memory, and is made again when it is needed. Letters that are left stay, in their topic.
 */
import { titleOf } from '../wire/produced-topic.ts'
import { isMillraceError, MillraceError } from '../words/errors.ts'
import type { BrokerDirectory, GroupName } from './broker-directory.ts'
import type { Catalog } from './catalog.ts'
import type { GroupEntry, TopicEntry } from './catalog-entries.ts'
import type { DeadLetterTopics } from './dead-letter-topics.ts'
import type { Openings } from './openings.ts'
import type { PartitionHosts } from './partition-hosts.ts'
import type { Runs } from './runs.ts'
import type { TopicRemoval } from './topic-removal.ts'

export class Deletions {
  readonly #catalog: Catalog
  readonly #hosts: PartitionHosts
  readonly #directory: BrokerDirectory | null
  readonly #openings: Openings
  readonly #removal: TopicRemoval
  readonly #runs: Runs
  readonly #deadLetterTopics: DeadLetterTopics

  constructor(
    parts: { readonly catalog: Catalog; readonly hosts: PartitionHosts; readonly directory: BrokerDirectory | null },
    openings: Openings,
    removal: TopicRemoval,
    runs: Runs,
    deadLetterTopics: DeadLetterTopics,
  ) {
    this.#catalog = parts.catalog
    this.#hosts = parts.hosts
    this.#directory = parts.directory
    this.#openings = openings
    this.#removal = removal
    this.#runs = runs
    this.#deadLetterTopics = deadLetterTopics
  }

  /** Nothing happens if it is gone already. @throws MillraceError MILL_GROUP_BUSY, MILL_DISK */
  async topic(id: number): Promise<void> {
    const topic = this.#catalog.topics.get(id)
    if (topic === undefined) return
    this.#checkUnused(topic)
    for (const group of this.#openings.groupNames(id)) await this.#removeLetters({ topic: id, group })
    await this.#remove(topic)
  }

  /** The same for a group. @throws MillraceError MILL_GROUP_BUSY, MILL_DISK */
  async group(topic: number, name: string): Promise<void> {
    const cursors = this.#catalog.groups.knownCursors(topic, name)
    if (cursors === undefined) return
    const known = this.#catalog.groups.find(topic, name)
    if (known !== undefined && this.#runs.isRunning(known))
      throw new MillraceError('MILL_GROUP_BUSY', `group ${name} is running; stop its runs before it is deleted`)
    // First: a death after this leaves states of members that nobody has.
    this.#directory?.groups.forget(topic, name)
    const blocks = this.#catalog.groups.takeOut(topic, name)
    if (known !== undefined) this.#runs.forget(known)
    await this.#hosts.all(async api => {
      await Promise.all(cursors.map(cursor => api.deleteGroup(cursor)))
    })
    this.#catalog.shared.free(...blocks)
    for (const cursor of cursors) this.#catalog.snapshots.forget(`${cursor}`)
    await this.#removeLetters({ topic, group: name })
  }

  /** @throws MillraceError MILL_GROUP_BUSY */
  #checkUnused({ shape }: TopicEntry): void {
    const { id, name } = shape
    for (const { spec, deadLetterTopic } of this.#runs.running) {
      const { group, topic, output } = spec
      const reader = this.#catalog.topic(topic).shape
      const of =
        reader.queue !== undefined
          ? titleOf(reader)
          : topic === id
            ? `group ${group}`
            : `group ${group} of topic ${reader.name}`
      let why: string | null = null
      if (topic === id && reader.queue !== undefined) throw consumed(name)
      if (topic === id) why = 'is running'
      else if (output === name) why = 'publishes its output to it'
      else if (deadLetterTopic === id) why = 'has its dead letters there'
      if (why === null) continue
      throw new MillraceError(
        'MILL_GROUP_BUSY',
        `${titleOf(shape)} cannot be deleted while ${of} ${why}; stop its runs first`,
      )
    }
  }

  async #remove(topic: TopicEntry): Promise<void> {
    const { id } = topic.shape
    for (const group of [...this.#catalog.groups.values()])
      if (group.spec.topic !== id && group.deadLetterTopic === id) await this.#unjoin(group)
    for (const group of this.#catalog.groups.values()) if (group.spec.topic === id) this.#runs.forget(group)
    await this.#removal.remove(topic)
    this.#deadLetterTopics.forget(id)
  }

  /** Nobody runs it, and where its dead letters went is no more: who joins it next says where they go. */
  async #unjoin(group: GroupEntry): Promise<void> {
    this.#runs.forget(group)
    await this.#openings.reopen(this.#catalog.groups.unjoin(group))
  }

  /** The topics that were made for dead letters of a group that nobody runs, as far as they are empty. */
  async #removeLetters(group: GroupName): Promise<void> {
    for (const name of this.#madeFor(group)) {
      try {
        const topic = await this.#openings.lettersOf(group, name)
        if (topic !== null && (await this.#isEmpty(topic))) await this.#remove(topic)
      } catch (error) {
        // To look into it takes memory, and what is not looked into stays.
        if (!isMillraceError(error, 'MILL_MEMORY')) throw error
      }
    }
  }

  #madeFor({ topic, group }: GroupName): Set<string> {
    const topics = [...this.#catalog.topics.values(), ...(this.#directory?.topics() ?? [])]
    const made = topics.filter(({ madeFor }) => madeFor?.topic === topic && madeFor.group === group)
    return new Set(made.map(({ shape }) => shape.name))
  }

  async #isEmpty({ shape: { id } }: TopicEntry): Promise<boolean> {
    if (this.#openings.groupNames(id).length > 0) return false
    if ([...this.#catalog.rings.values()].some(ring => ring.topic === id)) return false
    const stats = await this.#hosts.all(api => api.partitionStats(id))
    return stats.flat().every(({ deadLetterDepth }) => deadLetterDepth === 0)
  }
}

function consumed(queue: string): MillraceError {
  return new MillraceError(
    'MILL_GROUP_BUSY',
    `queue ${queue} cannot be deleted while it has a consumer; stop its runs, loops and subscriptions first`,
  )
}
