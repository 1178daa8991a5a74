/**
 * Opens queues: each is made once, with its group and its dead-letter topic, and whoever opens it again must want the same.
 *
 * The control thread, one opening at a time. Inside, a queue is a topic of one partition with one group. What cannot be made to its
 * end leaves nothing behind.
 */

import type { TopicShape } from '../wire/places.ts'
import { QUEUE_GROUP, type QueueSettings } from '../wire/queue-calls.ts'
import { type QueueShape, queueMessages } from '../wire/queue-places.ts'
import { MillraceError } from '../words/errors.ts'
import type { BrokerDirectory } from './broker-directory.ts'
import type { Catalog } from './catalog.ts'
import type { GroupEntry, TopicEntry } from './catalog-entries.ts'
import type { Openings } from './openings.ts'
import { queueWindow } from './queue-sizes.ts'
import { checkSameQueue } from './same-options.ts'
import type { TopicRemoval } from './topic-removal.ts'

/** A full frame is this part of the messages that a queue has room for. */
const FRAMES_OF_QUEUE = 64

export class QueueOpenings {
  readonly #catalog: Catalog
  readonly #directory: BrokerDirectory | null
  readonly #openings: Openings
  readonly #removal: TopicRemoval

  constructor(catalog: Catalog, directory: BrokerDirectory | null, openings: Openings, removal: TopicRemoval) {
    this.#catalog = catalog
    this.#directory = directory
    this.#openings = openings
    this.#removal = removal
  }

  /** The queue of that name; `given` are the options that the caller named, which must be those of a known queue. */
  async queue(name: string, settings: QueueSettings, given: readonly string[]): Promise<TopicEntry> {
    this.#checkDurability(name, settings, given)
    const known = this.#catalog.topicsByName.get(name)
    const taken = known ?? this.#directory?.topic(name)
    if (taken !== undefined && taken.shape.queue === undefined)
      throw new MillraceError(
        'MILL_CONFIG_MISMATCH',
        `${name} is a topic, not a queue: open it with broker.topic, or use another name`,
      )
    if (known === undefined) return this.#make(this.#shapeOf(name, settings), settings)
    checkSameQueue(known.shape, groupOf(this.#catalog, known).spec, settings, given)
    return known
  }

  /** @throws MillraceError MILL_INVALID_OPTION */
  #checkDurability(name: string, { durability }: QueueSettings, given: readonly string[]): void {
    const wanted = durability ?? (this.#directory === null ? 'memory' : 'fsync')
    if (wanted === 'memory') return
    const how = given.includes('durability') ? '' : ', the default of a broker with a dir'
    throw new MillraceError(
      'MILL_INVALID_OPTION',
      `queue ${name} cannot have the durability '${wanted}'${how}: queues are kept in memory only; give durability: 'memory'`,
    )
  }

  #shapeOf(name: string, settings: QueueSettings): TopicShape {
    const { codec, maxMessageBytes, sendRate, shape, deadLetter } = settings
    const windowBytes = queueWindow(settings, this.#catalog.shared)
    const id = this.#catalog.nextStoredId()
    return {
      id,
      name,
      partitions: 1,
      codec,
      maxMessageBytes,
      windowBytes,
      // What finds nothing to drop is refused.
      onFull: shape.onFull === 'wait' ? 'wait' : 'reject',
      publishRate: sendRate,
      durability: 'memory',
      log: null,
      base: this.#baseOf(id, deadLetter),
      queue: shape,
      frameRecords: frameRecords(shape, windowBytes),
    }
  }

  /** Letters are written by the host of their message. Small queues need not all be on the first one. */
  #baseOf(id: number, deadLetter: string | null): number {
    const letters =
      deadLetter === null
        ? undefined
        : (this.#catalog.topicsByName.get(deadLetter) ?? this.#directory?.topic(deadLetter))
    return letters === undefined ? id % this.#catalog.hosts.length : (letters.shape.base ?? 0)
  }

  async #make(shape: TopicShape, { policy, deadLetter }: QueueSettings): Promise<TopicEntry> {
    const queue = await this.#openings.make(shape)
    try {
      await this.#openings.group({
        topic: shape.id,
        group: QUEUE_GROUP,
        policy,
        deadLetter,
        from: 'earliest',
        given: [],
      })
    } catch (error) {
      await this.#unmake(queue)
      throw error
    }
    return queue
  }

  /** With the dead-letter topic that was made for it: nobody else knows of either. */
  async #unmake(queue: TopicEntry): Promise<void> {
    const made = [...this.#catalog.topics.values()].filter(({ madeFor }) => madeFor?.topic === queue.shape.id)
    for (const topic of [queue, ...made]) await this.#removal.remove(topic).catch(() => undefined)
  }
}

/** A frame is taken whole or not at all: exact bounds want single records, and others a small part of the queue. */
function frameRecords({ maxMessages, maxBytes }: QueueShape, windowBytes: number): number {
  const isBounded = maxMessages !== Number.POSITIVE_INFINITY || maxBytes !== Number.POSITIVE_INFINITY
  return isBounded ? 1 : Math.max(1, Math.floor(queueMessages(windowBytes) / FRAMES_OF_QUEUE))
}

/** The group that is a queue's consumers. */
export function groupOf(catalog: Pick<Catalog, 'groups'>, { shape: { id, name } }: TopicEntry): GroupEntry {
  const group = catalog.groups.find(id, QUEUE_GROUP)
  if (group === undefined) throw new Error(`broken invariant: queue ${name} has no group`)
  return group
}
