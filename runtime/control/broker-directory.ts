/**
 * What a broker with a folder knows from one process to the next: its topics, groups, exchanges and schedules, and numbers never given twice.
 *
 * The control thread owns it and alone writes to its file, a state log (log/store/state-log.ts) in which every write is synced:
 * what exists is durable before any partition host hears of it. What partition hosts keep (records, and how far groups
 * are) is theirs.
 *
 * ```
 * ids                    { below }                 numbers below it may have been given
 * hosts                  { count }                 partition hosts whose files are up to date
 * topic/<name>           StoredTopic; written before its folders are made, and again when all are
 * group/<topic id>/<name>  { members, added }      one number for each partition; dead letters are known by it
 * gone/<topic id>          { partitions }          a topic that was deleted, until all its folders are removed
 * exchange/, binding/      stored-exchanges.ts
 * schedule/, tick/         stored-schedules.ts
 * ```
 *
 * A topic comes to have more partitions in three steps: its groups get numbers for them, the topic says how far it `grows`, and,
 * when all their folders are made, one record says that it has them. Whoever opens the folder in between removes those folders
 * (unfinished-growth.ts): nobody has published there. Numbers that groups have beyond are left to the next time.
 *
 * Bound: a few hundred bytes for each topic, group, binding and schedule, and some for each partition of a group.
 */

import { join } from 'node:path'
import type { Disk } from '../log/disk/disk.ts'
import { CorruptLogError } from '../log/disk/log-errors.ts'
import { beginIdentity, type FolderIdentity, WHOLE_VERSION } from '../log/store/identity.ts'
import { partitionsFolder } from '../log/store/log-place.ts'
import { StateLog } from '../log/store/state-log.ts'
import { storeError } from '../log/store/store-errors.ts'
import type { CutTail } from '../wire/folder.ts'
import type { TopicShape } from '../wire/places.ts'
import type { QueueShape } from '../wire/queue-places.ts'
import { StoredExchanges } from './stored-exchanges.ts'
import { groupKey, StoredGroups } from './stored-groups.ts'
import { StoredSchedules } from './stored-schedules.ts'

/** So many numbers are taken at a time; what is left of them at the end of the process is lost, and there are 2^31. */
const IDS = 256

/** A topic as it was last opened. */
export interface StoredTopic {
  readonly shape: TopicShape
  /** Ids of the topics whose dead letters it has taken. */
  readonly deadLettersOf: readonly number[]
  /** All its partitions have their folders. A folder of before had no word for it. */
  readonly isMade?: boolean
  /** Its partitions from `shape.partitions` to here are being made, and are none yet; left out: there are none. */
  readonly growsTo?: number
  /** The group whose dead letters it was made for, while nobody else uses it; left out: it was made for itself. */
  readonly madeFor?: GroupName | null
}

/** A group, by the number of its topic and its name. */
export interface GroupName {
  readonly topic: number
  readonly group: string
}

/** Entries in one record, where they need not be written together. */
const CHANGES_MAX = 1_000

/** A topic that was deleted. */
export interface GoneTopic {
  readonly id: number
  readonly partitions: number
}

export class BrokerDirectory {
  readonly dir: string
  readonly disk: Disk
  readonly logId: Uint8Array
  readonly identity: FolderIdentity
  /** What was cut off files when they were opened. */
  readonly cuts: CutTail[] = []
  readonly #state: StateLog
  readonly groups: StoredGroups
  readonly exchanges: StoredExchanges
  readonly schedules: StoredSchedules
  #idsBelow: number

  /** @throws LogFileError where the folder is damaged or of a later version; DiskError */
  constructor(disk: Disk, dir: string) {
    this.dir = dir
    this.disk = disk
    this.identity = beginIdentity(disk, dir)
    this.logId = this.identity.logId
    this.#refuseWithout(disk)
    this.#state = StateLog.open(disk, join(dir, 'catalog'), { logId: this.logId, syncs: true, hasKinds: true })
    if (this.#state.torn !== null) this.cuts.push(this.#state.torn)
    const write = (changes: readonly (readonly [string, unknown])[]): void => this.#write(changes)
    this.groups = new StoredGroups(this.#state, write)
    this.exchanges = new StoredExchanges(this.#state, write)
    this.schedules = new StoredSchedules(this.#state, write)
    this.#idsBelow = (this.#state.get('ids') as { readonly below: number } | undefined)?.below ?? 1
  }

  /** A catalog that is gone is not made anew where there may have been topics. */
  #refuseWithout(disk: Disk): void {
    if (disk.list(this.dir).includes('catalog')) return
    if (this.identity.version >= WHOLE_VERSION || disk.list(partitionsFolder(this.dir)).length > 0)
      throw new CorruptLogError(join(this.dir, 'catalog'), 0, 'the file is missing')
  }

  /** From here on numbers were never given. */
  get firstId(): number {
    return this.#idsBelow
  }

  /** Numbers below `id` may be given now. */
  reserveIds(id: number): void {
    if (id < this.#idsBelow) return
    this.#idsBelow = id + IDS
    this.#write([['ids', { below: this.#idsBelow }]])
  }

  /** How many partition hosts there were; undefined: there were none yet. */
  get hosts(): number | undefined {
    return (this.#state.get('hosts') as { readonly count: number } | undefined)?.count
  }

  keepHosts(count: number): void {
    this.#write([['hosts', { count }]])
  }

  topic(name: string): StoredTopic | undefined {
    const stored = this.#state.get(`topic/${name}`) as StoredTopic | undefined
    return stored === undefined ? undefined : revived(stored)
  }

  topics(): StoredTopic[] {
    const topics: StoredTopic[] = []
    for (const [, value] of this.#state.entries('topic/')) topics.push(revived(value as StoredTopic))
    return topics
  }

  /** Keeps a topic as it is now; that it was made, and how far it grows, stays known. */
  keepTopic(topic: StoredTopic): void {
    const { name } = topic.shape
    const known = this.topic(name)
    const isMade = topic.isMade ?? known?.isMade ?? false
    this.#write([[`topic/${name}`, { growsTo: known?.growsTo, ...topic, isMade }]])
  }

  /** These topics are to have so many partitions, and may have folders of them from now on. @throws MillraceError MILL_DISK */
  beginGrowth(topics: ReadonlyMap<string, number>): void {
    this.#writeTopics(topics.keys(), topic => ({
      ...topic,
      // What could not be removed of an earlier attempt is still to be.
      growsTo: Math.max(topic.growsTo ?? 0, topics.get(topic.shape.name) as number),
    }))
  }

  /** Says once more how far these topics grow: a record that said otherwise, and is not known to be durable, is none. @throws MillraceError MILL_DISK */
  keepGrowth(names: readonly string[]): void {
    this.#writeTopics(names, topic => topic)
  }

  /** All their folders are made: these topics have so many partitions, all of them or none. @throws MillraceError MILL_DISK */
  endGrowth(topics: ReadonlyMap<string, number>): void {
    this.#writeTopics(topics.keys(), ({ growsTo = 0, shape, ...topic }) => {
      const partitions = topics.get(shape.name) as number
      return { ...topic, shape: { ...shape, partitions }, ...(growsTo > partitions ? { growsTo } : {}) }
    })
  }

  /** What was made of them is removed again. @throws MillraceError MILL_DISK */
  undoGrowth(names: Iterable<string>): void {
    this.#writeTopics(names, ({ growsTo: _, ...topic }) => topic)
  }

  #writeTopics(names: Iterable<string>, changed: (topic: StoredTopic) => StoredTopic): void {
    const changes: [string, unknown][] = []
    for (const name of names) {
      const topic = this.topic(name)
      if (topic !== undefined) changes.push([`topic/${name}`, changed(topic)])
    }
    this.#write(changes)
  }

  /** All partitions of a topic have their folders: from now on none may be missing. @throws MillraceError MILL_DISK */
  topicMade(name: string): void {
    const topic = this.topic(name)
    if (topic !== undefined && topic.isMade !== true) this.keepTopic({ ...topic, isMade: true })
  }

  /**
   * The topic is no more, from here on in all processes; its folders are still to be removed (deleted-topics.ts). All of it
   * happens or nothing: other topics no longer have dead letters of it.
   *
   * @throws MillraceError MILL_DISK
   */
  deleteTopic(name: string): void {
    const topic = this.topic(name)
    if (topic === undefined) return
    const { id, partitions } = topic.shape
    const changes: [string, unknown][] = [
      [`topic/${name}`, undefined],
      [goneKey(id), { partitions: topic.growsTo ?? partitions }],
    ]
    for (const other of this.topics()) {
      if (other.shape.id === id || !other.deadLettersOf.includes(id)) continue
      changes.push([
        `topic/${other.shape.name}`,
        { ...other, deadLettersOf: other.deadLettersOf.filter(of => of !== id) },
      ])
    }
    this.#write(changes)
  }

  /** Topics that were deleted, and may have folders. */
  gone(): GoneTopic[] {
    const gone: GoneTopic[] = []
    for (const [key, value] of this.#state.entries('gone/'))
      gone.push({ id: Number(key.slice(5)), partitions: (value as { readonly partitions: number }).partitions })
    return gone
  }

  /** Nothing is left of a topic that was deleted. @throws MillraceError MILL_DISK */
  forgetGone(id: number): void {
    const groups: [string, unknown][] = []
    for (const [key] of this.#state.entries('group/'))
      if (key.startsWith(groupKey(id, ''))) groups.push([key, undefined])
    for (let at = 0; at < groups.length; at += CHANGES_MAX) this.#write(groups.slice(at, at + CHANGES_MAX))
    this.#write([[goneKey(id), undefined]])
  }

  /** @throws MillraceError MILL_DISK */
  #write(changes: readonly (readonly [string, unknown])[]): void {
    try {
      this.#state.write(changes)
    } catch (error) {
      throw storeError(error)
    }
  }

  close(): void {
    this.#state.close()
  }
}

function goneKey(topic: number): string {
  return `gone/${topic}`
}

/** JSON has no Infinity. */
function revived(stored: StoredTopic): StoredTopic {
  const { log, queue, terms } = stored.shape
  if (log === null) return stored
  const { segmentBytes, retentionMs, retentionBytes } = log as { [name in keyof typeof log]: number | null }
  return {
    ...stored,
    shape: {
      ...stored.shape,
      log: {
        segmentBytes: segmentBytes as number,
        retentionMs: endless(retentionMs),
        retentionBytes: endless(retentionBytes),
      },
      ...(queue === undefined ? {} : { queue: endlessQueue(queue) }),
      ...(terms === undefined
        ? {}
        : { terms: { ...terms, policy: { ...terms.policy, attempts: endless(terms.policy.attempts) } } }),
    },
  }
}

const IDS_OF_BEFORE = 1_000_000

/** Folders of before have no times to live, no limits of keys and rates, and no ids. */
function endlessQueue(queue: QueueShape): QueueShape {
  const { maxMessages, maxBytes, messageTtlMs, keyConcurrency, keyOrder, rate } = queue as Partial<QueueShape>
  const { dedupeMs, dedupeMaxIds } = queue as Partial<QueueShape>
  return {
    ...queue,
    maxMessages: endless(maxMessages),
    maxBytes: endless(maxBytes),
    messageTtlMs: endless(messageTtlMs),
    dedupeMs: dedupeMs ?? 0,
    dedupeMaxIds: dedupeMaxIds ?? IDS_OF_BEFORE,
    keyConcurrency: endless(keyConcurrency),
    keyOrder: keyOrder ?? 'fifo',
    rate: rate ?? null,
  }
}

function endless(stored: number | null | undefined): number {
  return stored ?? Number.POSITIVE_INFINITY
}
