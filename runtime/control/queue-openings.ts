/**
 * Opens queues: each is made once, with its group and its dead-letter topic, and whoever opens it again must want the same.
 *
 * The control thread, one opening at a time. Inside, a queue is a topic of one partition with one group. What cannot be made to its
 * end leaves nothing behind.
 */

import type { QueueTerms, TopicShape } from '../wire/places.ts'
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
/** The window of a queue on disk, where its newest messages are found without reading. */
const DISK_WINDOW_BYTES = 1_048_576
/** Ids of messages that a queue knows, if nothing is said. */
const IDS_ON_DISK = 1_000_000
const IDS_IN_MEMORY = 100_000
const FOR_EVER: number = Number.POSITIVE_INFINITY
/** What a queue on disk keeps for ever. */
const FIXED: readonly string[] = ['codec', 'maxMessageBytes', 'durability', 'priorities']

export class QueueOpenings {
  readonly #catalog: Catalog
  readonly #directory: BrokerDirectory | null
  readonly #openings: Openings
  readonly #removal: TopicRemoval
  readonly #segmentBytes: number

  /** `segmentBytes`: of queues on disk. */
  constructor(
    catalog: Catalog,
    directory: BrokerDirectory | null,
    openings: Openings,
    removal: TopicRemoval,
    segmentBytes: number,
  ) {
    this.#segmentBytes = segmentBytes
    this.#catalog = catalog
    this.#directory = directory
    this.#openings = openings
    this.#removal = removal
  }

  /** The queue of that name; `given` are the options that the caller named, which must be those of a known queue. */
  async queue(name: string, settings: QueueSettings, given: readonly string[]): Promise<TopicEntry> {
    const known = this.#catalog.topicsByName.get(name)
    const stored = this.#directory?.topic(name)?.shape
    const shape = known?.shape ?? stored
    if (shape !== undefined && shape.queue === undefined)
      throw new MillraceError(
        'MILL_CONFIG_MISMATCH',
        `${name} is a topic, not a queue: open it with broker.topic, or use another name`,
      )
    if (known !== undefined) {
      checkSameQueue(known.shape, groupOf(this.#catalog, known).spec, settings, given)
      return known
    }
    if (stored?.log == null) return this.#make(this.#shapeOf(name, settings), settings)
    return this.#open(stored, settings, given)
  }

  /** A queue of a process before, as the folder has it. */
  stored(shape: TopicShape): Promise<TopicEntry> {
    return this.#make(shape, termsOf(shape), true)
  }

  /** The same, but for what the caller wants otherwise and may change. */
  #open(stored: TopicShape, settings: QueueSettings, given: readonly string[]): Promise<TopicEntry> {
    const terms = termsOf(stored)
    const queue = stored.queue as QueueShape
    checkSameQueue(
      stored,
      terms,
      settings,
      given.filter(option => FIXED.includes(option)),
    )
    const changed = (option: string): boolean => given.includes(option)
    const of = changed('backoff') ? settings.policy : terms.policy
    const { attempts } = changed('attempts') ? settings.policy : terms.policy
    const { deadLetter } = changed('deadLetter') ? settings : terms
    const shape = { ...queue, ...Object.fromEntries(Object.entries(settings.shape).filter(([name]) => changed(name))) }
    const policy = { ...of, attempts, hasDeadLetters: deadLetter !== null }
    return this.#make(
      {
        ...stored,
        onFull: whenFull(shape),
        publishRate: settings.sendRate,
        queue: shape,
        terms: { policy, deadLetter },
        frameRecords: frameRecords(shape, stored.windowBytes),
      },
      { policy, deadLetter },
      true,
    )
  }

  #shapeOf(name: string, settings: QueueSettings): TopicShape {
    const { codec, maxMessageBytes, sendRate, shape, policy, deadLetter } = settings
    const durability = settings.durability ?? (this.#directory === null ? 'memory' : 'fsync')
    if (durability !== 'memory' && this.#directory === null)
      throw new MillraceError(
        'MILL_INVALID_OPTION',
        `queue ${name} cannot have the durability '${durability}': the broker keeps nothing on disk; give createBroker a dir`,
      )
    const isOnDisk = durability !== 'memory'
    const windowBytes = isOnDisk ? DISK_WINDOW_BYTES : queueWindow(settings, this.#catalog.shared)
    const id = this.#catalog.nextStoredId()
    return {
      id,
      name,
      partitions: 1,
      codec,
      maxMessageBytes,
      windowBytes,
      onFull: whenFull(shape),
      publishRate: sendRate,
      durability,
      log: isOnDisk ? { segmentBytes: this.#segmentBytes, retentionMs: FOR_EVER, retentionBytes: FOR_EVER } : null,
      base: this.#baseOf(id, deadLetter),
      queue: withIds(shape, isOnDisk),
      frameRecords: frameRecords(shape, windowBytes),
      ...(isOnDisk ? { terms: { policy, deadLetter } } : {}),
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

  /** `wasThere`: made by a process before; then all of it stays where it is, whatever fails. */
  async #make(shape: TopicShape, { policy, deadLetter }: QueueTerms, wasThere = false): Promise<TopicEntry> {
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
      await (wasThere ? this.#removal.close(queue) : this.#unmake(queue))
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

function termsOf({ name, terms }: TopicShape): QueueTerms {
  if (terms === undefined) throw new Error(`broken invariant: queue ${name} has no terms in its folder`)
  return terms
}

function withIds(shape: QueueShape, isOnDisk: boolean): QueueShape {
  if (shape.dedupeMaxIds > 0) return shape
  return { ...shape, dedupeMaxIds: isOnDisk ? IDS_ON_DISK : IDS_IN_MEMORY }
}

/** What finds nothing to drop is refused. */
function whenFull({ onFull }: QueueShape): 'wait' | 'reject' {
  return onFull === 'wait' ? 'wait' : 'reject'
}

/** A frame is taken whole or not at all: exact bounds and ids want single records, and others a small part of the queue. */
function frameRecords({ maxMessages, maxBytes, dedupeMs }: QueueShape, windowBytes: number): number {
  const isBounded = maxMessages !== Number.POSITIVE_INFINITY || maxBytes !== Number.POSITIVE_INFINITY
  return isBounded || dedupeMs > 0 ? 1 : Math.max(1, Math.floor(queueMessages(windowBytes) / FRAMES_OF_QUEUE))
}

/** The group that is a queue's consumers. */
export function groupOf(catalog: Pick<Catalog, 'groups'>, { shape: { id, name } }: TopicEntry): GroupEntry {
  const group = catalog.groups.find(id, QUEUE_GROUP)
  if (group === undefined) throw new Error(`broken invariant: queue ${name} has no group`)
  return group
}
