/**
 * Opens a broker's folder: makes it, completes one of an earlier version, refuses one of which a file is gone, and brings
 * together what belongs to partition hosts.
 *
 * The control thread, before any partition host is started; nobody else has the folder open. Whatever it does may end
 * anywhere and be done again: a folder is whole only when its identity says so (log/store/identity.ts), and the catalog names a number
 * of partition hosts only when the files of so many are there.
 */
import { join } from 'node:path'
import type { Disk } from '../log/disk/disk.ts'
import { CorruptLogError } from '../log/disk/log-errors.ts'
import { recoverStore } from '../log/folder/recover-store.ts'
import { segmentBases } from '../log/format/segment-format.ts'
import { commitIdentity, FOLDER_VERSION, SETTLED_VERSION, WHOLE_VERSION } from '../log/store/identity.ts'
import { Journal } from '../log/store/journal.ts'
import { planJournal } from '../log/store/journal-replay.ts'
import { partitionFolder, partitionsFolder, storedTopic } from '../log/store/log-place.ts'
import { SettledLog, settledPath } from '../log/store/settled-log.ts'
import { StateLog } from '../log/store/state-log.ts'
import { storeError } from '../log/store/store-errors.ts'
import {
  CONTROL_STATES,
  hostStates,
  hostStoreFiles,
  type KnownTopic,
  missingFiles,
  missingPartitions,
  type WrongFile,
  wrongPartitions,
} from '../log/store/store-files.ts'
import type { StoredTopic } from '../log/store/stored-topic.ts'
import { markKey, marksPath } from '../log/store/sync-marks.ts'
import { WrittenEnds } from '../log/store/written-ends.ts'
import type { CutTail } from '../wire/folder.ts'
import type { TopicShape } from '../wire/places.ts'
import { BrokerDirectory } from './broker-directory.ts'
import { removeDeleted } from './deleted-topics.ts'
import { handSettledOver } from './host-settled.ts'
import { handStatesOver } from './host-states.ts'
import { placeOf } from './placement.ts'
import { removeUnfinished } from './unfinished-growth.ts'

/**
 * Opens the folder of a broker, made if need be, for so many partition hosts with journals of two files of `journalBytes`, and
 * recovers what those before had in their journals, however many there were. @throws MillraceError MILL_CORRUPT, MILL_DISK
 */
export function openDirectory(disk: Disk, dir: string, hosts: number, journalBytes: number): BrokerDirectory {
  try {
    const directory = new BrokerDirectory(disk, dir)
    const { version } = directory.identity
    for (const wrong of wrongFiles(disk, directory)) throw new CorruptLogError(wrong.file, 0, wrong.why)
    recover(disk, directory, Math.max(hosts, directory.hosts ?? 0), () => raise(disk, directory))
    // A folder of before may lack what was made late.
    if (version < WHOLE_VERSION || directory.hosts !== hosts) makeFiles(disk, directory, hosts, journalBytes)
    handOver(disk, directory, hosts)
    if (version < WHOLE_VERSION) complete(disk, directory)
    removeDeleted(disk, directory)
    removeUnfinished(disk, directory)
    return directory
  } catch (error) {
    throw storeError(error)
  }
}

/** What is gone from a folder that was whole; of one of before, what it cannot have lacked. */
function* wrongFiles(disk: Disk, directory: BrokerDirectory): Generator<WrongFile, void, void> {
  const { dir, identity, hosts } = directory
  if (identity.version === 0) return
  if (identity.version >= WHOLE_VERSION) {
    if (hosts === undefined)
      yield { file: join(dir, 'catalog'), why: 'it does not say how many partition hosts there are' }
    yield* missingFiles(disk, dir, hosts ?? 0, identity.version)
  }
  yield* wrongPartitions(disk, dir, knownTopics(directory))
}

/** Also those that were deleted, as long as they may have folders. */
function knownTopics(directory: BrokerDirectory): KnownTopic[] {
  const gone = directory.gone().map(topic => ({ ...topic, isMade: false }))
  return gone.concat(
    directory.topics().flatMap(({ shape: { id, partitions, log }, isMade = false, growsTo }) => {
      return log === null ? [] : [{ id, partitions, isMade, growsTo }]
    }),
  )
}

/**
 * Whatever is written from here on, code of before must not take for torn. What was written up to here it can read: a folder that
 * is refused stays one of its version.
 */
function raise(disk: Disk, { dir, identity, logId, hosts = 0 }: BrokerDirectory): void {
  const { version } = identity
  if (version >= FOLDER_VERSION || version < WHOLE_VERSION) return
  // Code of before does not look at them. Once the folder is of this version, none may be missing.
  if (version < SETTLED_VERSION) makeSettled(disk, dir, logId, hosts)
  commitIdentity(disk, dir, identity)
}

/** What the queues of these hosts have settled, made if it is not there. */
function makeSettled(disk: Disk, dir: string, logId: Uint8Array, hosts: number): void {
  for (let host = 0; host < hosts; host++) SettledLog.open(disk, settledPath(dir, host), logId).close()
}

/** Brings what is in journals into logs, and calls `replayed` then; journals of hosts from `keep` on are removed. */
function recover(disk: Disk, directory: BrokerDirectory, keep: number, replayed?: () => void): void {
  const { dir, logId, cuts } = directory
  const topics = new Map<number, StoredTopic & { readonly partitions: number }>()
  for (const { shape } of directory.topics())
    if (shape.log !== null) topics.set(shape.id, { ...storedTopic(shape, shape.log), partitions: shape.partitions })
  recoverStore(disk, dir, logId, topics, cut => cuts.push(cut), keep, replayed)
}

/** Makes what is missing for so many partition hosts; what was made is removed again where there is no room for all of it. */
function makeFiles(disk: Disk, { dir, logId }: BrokerDirectory, hosts: number, journalBytes: number): void {
  const before = new Set(disk.list(dir))
  try {
    const states = [...CONTROL_STATES]
    for (let host = 0; host < hosts; host++) states.push(...hostStates(host))
    // The catalog is open.
    for (const name of states)
      if (name !== 'catalog') StateLog.open(disk, join(dir, name), { logId, syncs: false }).close()
    makeSettled(disk, dir, logId, hosts)
    disk.makeFolder(partitionsFolder(dir))
    for (let host = 0; host < hosts; host++) {
      if (hostStoreFiles(host).every(name => before.has(name))) continue
      Journal.start(disk, dir, host, logId, { journalBytes, after: planJournal(disk, dir, host, logId).end }).close()
      WrittenEnds.open(disk, dir, host, logId).close()
    }
  } catch (error) {
    for (let host = 0; host < hosts; host++)
      for (const name of hostStoreFiles(host)) if (!before.has(name)) removeQuietly(disk, join(dir, name))
    throw error
  }
}

function removeQuietly(disk: Disk, path: string): void {
  try {
    disk.remove(path)
  } catch {
    // What failed before is told, and the next opening goes on from here.
  }
}

/** Brings what is kept of groups, letters and queues to the hosts that are to own it. */
function handOver(disk: Disk, directory: BrokerDirectory, now: number): void {
  const { dir, logId, hosts: before } = directory
  if (before === now) return
  if (before !== undefined) {
    const topics = new Map(directory.topics().map(({ shape }) => [shape.id, shape]))
    const cursors = directory.groups.places(topics)
    const handed = { disk, dir, logId, before, now, onCut: (cut: CutTail) => directory.cuts.push(cut) }
    handStatesOver(handed, { kind: 'groups', placeOf: key => cursors.get(Number(key)) ?? null })
    handStatesOver(handed, { kind: 'letters', placeOf: key => placeOfLetters(key, topics) })
    handSettledOver(handed, (topic, partition) => {
      const shape = topics.get(topic)
      return shape === undefined ? null : placeOf(shape, partition)
    })
  }
  directory.keepHosts(now)
  // Only now nobody asks for the files of the others.
  if (before !== undefined && before > now) recover(disk, directory, now)
}

function placeOfLetters(key: string, topics: ReadonlyMap<number, TopicShape>): number {
  const [topic, partition] = key.split('/').map(Number) as [number, number]
  return placeOf(topics.get(topic) ?? {}, partition)
}

/** Everything is there: from now on nothing may be missing. */
function complete(disk: Disk, directory: BrokerDirectory): void {
  const { dir, identity } = directory
  for (const { shape } of directory.topics())
    if (shape.log !== null && [...missingPartitions(disk, dir, shape)].length === 0) directory.topicMade(shape.name)
  if (identity.version > 0) markStarts(disk, directory)
  commitIdentity(disk, dir, identity)
}

/** A log without a mark begins at offset 0 from now on; of before, retention may have removed its first segments. */
function markStarts(disk: Disk, directory: BrokerDirectory): void {
  const { dir, logId } = directory
  const marks = StateLog.open(disk, marksPath(dir), { logId, syncs: true })
  try {
    const changes = directory.topics().flatMap(({ shape: { id, partitions } }) =>
      Array.from({ length: partitions }, (_, partition) => {
        const [first = 0] = segmentBases(disk.list(partitionFolder(dir, id, partition)))
        return [markKey(id, partition), first] as const
      }),
    )
    marks.write(
      changes.filter(([key, first]) => first > 0 && !marks.has(key)).map(([key, first]) => [key, [0, 1, first]]),
    )
  } finally {
    marks.close()
  }
}
