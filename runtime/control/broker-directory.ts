/**
 * What a broker with a folder knows from one process to the next: its topics, its groups, and numbers never given twice.
 *
 * The control thread owns it and alone writes to its file, a state log (log/state-log.ts) in which every write is synced:
 * what exists is durable before any partition host hears of it. What partition hosts keep (records, and how far groups
 * are) is theirs.
 *
 * ```
 * ids                    { below }                 numbers below it may have been given
 * hosts                  { count }                 partition hosts whose files are up to date
 * topic/<name>           StoredTopic
 * group/<topic id>/<name>  { members }             one number for each partition; dead letters are known by it
 * ```
 *
 * Bound: a few hundred bytes for each topic and group.
 */
import { join } from 'node:path'
import type { CutTail } from '../log/cut-tail.ts'
import type { Disk } from '../log/disk.ts'
import { openIdentity } from '../log/identity.ts'
import { storedTopic } from '../log/log-place.ts'
import type { FileModes } from '../log/node-disk.ts'
import { recoverStore } from '../log/recover-store.ts'
import { StateLog } from '../log/state-log.ts'
import { storeError } from '../log/store-errors.ts'
import { openDisk } from '../log/world-disk.ts'
import type { TopicShape } from '../places.ts'
import { handStatesOver } from './host-states.ts'

/** So many numbers are taken at a time; what is left of them at the end of the process is lost, and there are 2^31. */
const IDS = 256

/** A topic as it was last opened. */
export interface StoredTopic {
  readonly shape: TopicShape
  /** Ids of the topics whose dead letters it has taken. */
  readonly deadLettersOf: readonly number[]
}

export class BrokerDirectory {
  readonly dir: string
  readonly disk: Disk
  readonly logId: Uint8Array
  /** What was cut off files when they were opened. */
  readonly cuts: CutTail[] = []
  readonly #state: StateLog
  #idsBelow: number

  /** @throws LogFileError where the folder is damaged or of a later version; DiskError */
  constructor(disk: Disk, dir: string) {
    this.dir = dir
    this.disk = disk
    this.logId = openIdentity(disk, dir)
    this.#state = StateLog.open(disk, join(dir, 'catalog'), { logId: this.logId, syncs: true })
    if (this.#state.torn !== null) this.cuts.push(this.#state.torn)
    this.#idsBelow = (this.#state.get('ids') as { readonly below: number } | undefined)?.below ?? 1
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
    for (const [key, value] of this.#state.entries())
      if (key.startsWith('topic/')) topics.push(revived(value as StoredTopic))
    return topics
  }

  /** Keeps a topic as it is now. */
  keepTopic(topic: StoredTopic): void {
    this.#write([[`topic/${topic.shape.name}`, topic]])
  }

  /** Numbers of a group's partitions; undefined: there was no such group. */
  members(topic: number, group: string): readonly number[] | undefined {
    return (this.#state.get(groupKey(topic, group)) as { readonly members: readonly number[] } | undefined)?.members
  }

  /** Numbers of the partitions of each group that reads a topic. */
  groupsOf(topic: number): (readonly number[])[] {
    const groups: (readonly number[])[] = []
    for (const [key, value] of this.#state.entries())
      if (key.startsWith(groupKey(topic, ''))) groups.push((value as { readonly members: readonly number[] }).members)
    return groups
  }

  /** The partition of each member. */
  partitions(): Map<number, number> {
    const found = new Map<number, number>()
    for (const [key, value] of this.#state.entries()) {
      if (!key.startsWith('group/')) continue
      const { members } = value as { readonly members: readonly number[] }
      for (const [partition, member] of members.entries()) found.set(member, partition)
    }
    return found
  }

  keepGroup(topic: number, group: string, members: readonly number[]): void {
    this.#write([[groupKey(topic, group), { members }]])
  }

  forgetGroup(topic: number, group: string): void {
    if (this.#state.has(groupKey(topic, group))) this.#write([[groupKey(topic, group), undefined]])
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

/**
 * Opens the folder of a broker, made if need be, for so many partition hosts, and recovers what those before had in their
 * journals, however many there were. Nobody else may have it open. @throws MillraceError MILL_CORRUPT, MILL_DISK
 */
export function openDirectory(dir: string, hosts: number, modes: FileModes): BrokerDirectory {
  const disk = openDisk(modes)
  try {
    const directory = new BrokerDirectory(disk, dir)
    const topics = new Map(
      directory.topics().flatMap(({ shape }) => {
        const { id, partitions, log } = shape
        return log === null ? [] : [[id, { ...storedTopic(shape, log), partitions }] as const]
      }),
    )
    recoverStore(disk, dir, directory.logId, topics, cut => directory.cuts.push(cut))
    handOver(disk, directory, hosts)
    return directory
  } catch (error) {
    throw storeError(error)
  }
}

/** Brings what is kept of groups and letters to the hosts that are to own it. */
function handOver(disk: Disk, directory: BrokerDirectory, now: number): void {
  const { dir, logId, hosts: before } = directory
  if (before === now) return
  if (before !== undefined) {
    const members = directory.partitions()
    const handed = { disk, dir, logId, before, now, onCut: (cut: CutTail) => directory.cuts.push(cut) }
    handStatesOver(handed, { kind: 'groups', partitionOf: key => members.get(Number(key)) ?? null })
    handStatesOver(handed, { kind: 'letters', partitionOf: key => Number(key.split('/')[1]) })
  }
  directory.keepHosts(now)
}

function groupKey(topic: number, group: string): string {
  return `group/${topic}/${group}`
}

/** JSON has no Infinity. */
function revived(stored: StoredTopic): StoredTopic {
  const { log } = stored.shape
  if (log === null) return stored
  const { segmentBytes, retentionMs, retentionBytes } = log as { [name in keyof typeof log]: number | null }
  return {
    ...stored,
    shape: {
      ...stored.shape,
      log: {
        segmentBytes: segmentBytes as number,
        retentionMs: retentionMs ?? Number.POSITIVE_INFINITY,
        retentionBytes: retentionBytes ?? Number.POSITIVE_INFINITY,
      },
    },
  }
}
