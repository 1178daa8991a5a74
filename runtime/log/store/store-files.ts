/**
 * The files of a broker's folder. A missing one is noticed, and never taken for one that is still to be made.
 *
 * The control thread, before partition hosts start, and `millrace verify`. Once the folder's identity has its name
 * (identity.ts), every file below exists, for ever. A folder for each topic is made, and known to the catalog, before a
 * record of it is acknowledged. Other files in the folder are left alone.
 *
 * ```
 *  catalog, snapshots, producers, marks                     of the control thread
 *  host-0.groups, .letters, .marks, .ends, .journal-a, -b   of each partition host
 *  host-0.settled                                           the same, since version 4 of the folder
 *  host-0.joint                                             of a partition host that has appended frames which belong together; not missed
 *  topics/7-3/00000000000000000000.log                      at least one segment for each partition of a topic
 * ```
 */
import { join } from 'node:path'
import type { Disk } from '../disk/disk.ts'
import { segmentBases } from '../format/segment-format.ts'
import { SETTLED_VERSION } from './identity.ts'
import { partitionFolder, partitionsFolder } from './log-place.ts'

/** State logs of the control thread. */
export const CONTROL_STATES: readonly string[] = ['catalog', 'snapshots', 'producers', 'marks']
const HOST_STATES: readonly string[] = ['groups', 'letters', 'marks']
/** Made by a log store as it is opened. */
const STORE_FILES: readonly string[] = ['journal-a', 'journal-b', 'ends']
/** Name of a partition's folder; other names among them are foreign. */
const PARTITION = /^(\d+)-(\d+)$/

/** A topic on disk, as the catalog has it. */
export interface KnownTopic {
  readonly id: number
  readonly partitions: number
  /** All its partitions have their folders. */
  readonly isMade: boolean
  /** Up to here there may be folders of partitions that it is to have more. */
  readonly growsTo?: number | undefined
}

export interface WrongFile {
  readonly file: string
  readonly why: string
}

export function hostStates(host: number): string[] {
  return HOST_STATES.map(kind => `host-${host}.${kind}`)
}

/** Of what the queues of a host have settled (settled-log.ts). */
export function settledName(host: number): string {
  return `host-${host}.settled`
}

export function hostStoreFiles(host: number): string[] {
  return STORE_FILES.map(kind => `host-${host}.${kind}`)
}

/** Missing files of a whole folder of this version with so many partition hosts. */
export function* missingFiles(
  disk: Disk,
  dir: string,
  hosts: number,
  version: number,
): Generator<WrongFile, void, void> {
  const names = new Set(disk.list(dir))
  const wanted = [...CONTROL_STATES]
  for (let host = 0; host < hosts; host++) {
    wanted.push(...hostStates(host), ...hostStoreFiles(host))
    if (version >= SETTLED_VERSION) wanted.push(settledName(host))
  }
  for (const name of wanted) if (!names.has(name)) yield { file: join(dir, name), why: 'the file is missing' }
}

/** Partitions of a topic that have no log. */
export function* missingPartitions(
  disk: Disk,
  dir: string,
  { id, partitions }: Pick<KnownTopic, 'id' | 'partitions'>,
): Generator<WrongFile, void, void> {
  for (let partition = 0; partition < partitions; partition++) {
    const file = partitionFolder(dir, id, partition)
    if (segmentBases(disk.list(file)).length === 0) yield { file, why: 'it is missing, or has no segments' }
  }
}

/** Missing folders of topics that were made, and partitions that the catalog does not know. */
export function* wrongPartitions(
  disk: Disk,
  dir: string,
  topics: readonly KnownTopic[],
): Generator<WrongFile, void, void> {
  for (const topic of topics) if (topic.isMade) yield* missingPartitions(disk, dir, topic)
  const known = new Map(topics.map(({ id, partitions, growsTo = partitions }) => [id, growsTo]))
  const folder = partitionsFolder(dir)
  for (const name of disk.list(folder)) {
    const [, id, partition] = PARTITION.exec(name) ?? []
    if (id !== undefined && !(Number(partition) < (known.get(Number(id)) ?? 0)))
      yield { file: join(folder, name), why: 'the catalog does not know its topic' }
  }
}
