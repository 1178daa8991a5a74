/**
 * Brings what all partition hosts have left behind into the logs, so that any number of hosts may come after them.
 *
 * Control thread, before any partition host starts. Journals and marks belong to a host, and partitions move to other
 * hosts when their number changes. Afterwards the logs hold everything, and the marks of all partitions are in one file
 * (sync-marks.ts). Journals and marks of hosts are removed, or kept empty.
 *
 * The power may fail anywhere, and recovery may run again. Logs are made durable first, then the marks. Then each
 * journal says that no block in it is needed. Only then its files are removed, the one that says so last. What is written
 * up to the marks, an earlier version may read; a journal that is started anew, it may not.
 *
 * Bounds: logs are opened only of partitions that a journal or a note has something for; all of them are open at once.
 */
import { basename, join } from 'node:path'
import type { CutTail } from '../../wire/folder.ts'
import type { Disk } from '../disk/disk.ts'
import { journalPaths } from '../recovery/journal-recovery.ts'
import { halfDone } from '../store/half-done.ts'
import { Journal } from '../store/journal.ts'
import { type JournalPlan, planJournal, replayJournal } from '../store/journal-replay.ts'
import { partitionsFolder } from '../store/log-place.ts'
import { clearNote, readNote } from '../store/pass-note.ts'
import { StateLog } from '../store/state-log.ts'
import { StoredPartition } from '../store/stored-partition.ts'
import type { StoredTopic } from '../store/stored-topic.ts'
import { hostMarksPath, type Mark, markKey, marksPath, readMarks } from '../store/sync-marks.ts'

/** A file of a partition host, whole or half made. */
const HOST_FILE = /^host-(\d+)\.(?:marks|ends|joint|journal-[ab])(?:\.new)?$/

/** The partitions that are recovered, opened as far as a journal or a note has something for them. */
interface Recovery {
  readonly disk: Disk
  readonly folder: string
  readonly logId: Uint8Array
  readonly topics: ReadonlyMap<number, StoredTopic & { readonly partitions: number }>
  readonly marks: Map<string, Mark>
  readonly opened: Map<string, StoredPartition>
  readonly onCut: (cut: CutTail) => void
}

/**
 * Recovers everything, and calls `onCut` for each bad end. Files of other topics are left alone. Files of hosts below
 * `keep` stay, and hold nothing that is needed. `replayed` is called when logs and marks have all of it, before a journal
 * is touched; not if anything is refused.
 *
 * @throws CorruptLogError where something acknowledged is missing; ForeignFileError, NewerFormatError, DiskError
 */
export function recoverStore(
  disk: Disk,
  folder: string,
  logId: Uint8Array,
  topics: ReadonlyMap<number, StoredTopic & { readonly partitions: number }>,
  onCut: (cut: CutTail) => void,
  keep = 0,
  replayed: () => void = () => undefined,
): void {
  const hosts = hostsOf(disk, folder)
  if (hosts.length === 0) {
    replayed()
    return
  }
  disk.makeFolder(partitionsFolder(folder))
  const plans = hosts.map(host => planJournal(disk, folder, host, logId))
  const marks = new Map<string, Mark>()
  for (const path of [marksPath(folder), ...hosts.map(host => hostMarksPath(folder, host))]) {
    const torn = readMarks(disk, path, logId, marks)
    if (torn !== null) onCut(torn)
  }
  const recovery: Recovery = { disk, folder, logId, topics, marks, opened: new Map(), onCut }
  try {
    for (const plan of plans) replay(recovery, plan)
    for (const plan of plans) cutHalfDone(recovery, plan)
    for (const partition of recovery.opened.values()) makeDurable(recovery, partition)
    writeAllMarks(recovery)
    replayed()
    for (const plan of plans) removeHost(recovery, plan, keep)
    for (const { log } of recovery.opened.values()) log.close()
  } catch (error) {
    for (const { log } of recovery.opened.values()) closeQuietly(log)
    throw error
  }
}

/** Hosts of which there is any file, ascending. */
function hostsOf(disk: Disk, folder: string): number[] {
  const hosts = new Set<number>()
  for (const name of disk.list(folder)) {
    const host = hostOf(name)
    if (host !== null) hosts.add(host)
  }
  return [...hosts].sort((a, b) => a - b)
}

function hostOf(name: string): number | null {
  const host = HOST_FILE.exec(name)?.[1]
  return host === undefined ? null : Number(host)
}

function replay(recovery: Recovery, plan: JournalPlan): void {
  const { disk, folder, logId, onCut } = recovery
  const { state, file, position, why } = plan.end
  if (state === 'torn' && file !== null) onCut({ file, position, bytes: 0, why })
  replayJournal(disk, folder, logId, plan, (topic, partition) => find(recovery, topic, partition))
}

/** Ends the last pass of a host in its logs, unless all of it is there. */
function cutHalfDone(recovery: Recovery, { host }: JournalPlan): void {
  const { disk, folder, logId, onCut } = recovery
  const note = readNote(disk, folder, host, logId)
  for (const { log, before } of halfDone(note, ({ topic, partition }) => find(recovery, topic, partition)))
    onCut(log.cutPass(before))
}

/** A partition that is opened, now or before; undefined: its topic is gone. */
function find(
  { disk, folder, logId, topics, marks, opened, onCut }: Recovery,
  id: number,
  partition: number,
): StoredPartition | undefined {
  const topic = topics.get(id)
  if (topic === undefined || partition >= topic.partitions) return undefined
  const key = markKey(id, partition)
  const known = opened.get(key)
  if (known !== undefined) return known
  const { syncedTo, startOffset } = marks.get(key) ?? { syncedTo: 0, startOffset: 0 }
  const log = StoredPartition.open(disk, folder, logId, topic, partition, { syncedTo, startOffset })
  opened.set(key, log)
  for (const cut of log.cuts) onCut(cut)
  return log
}

function makeDurable({ marks }: Recovery, partition: StoredPartition): void {
  if (!partition.isDirty) return
  partition.log.sync()
  const key = markKey(partition.topic.topic, partition.partition)
  const version = (marks.get(key)?.version ?? 0) + 1
  marks.set(key, { syncedTo: partition.endOffset, version, startOffset: partition.startOffset })
}

/** Brings the marks of all hosts into the one file, and leaves out those of topics that are gone. */
function writeAllMarks({ disk, folder, logId, topics, marks }: Recovery): void {
  const state = StateLog.open(disk, marksPath(folder), { logId, syncs: true })
  try {
    const changes: [key: string, value: unknown][] = []
    const isThere = (key: string): boolean => topics.has(Number.parseInt(key, 10))
    for (const [key] of state.entries()) if (!isThere(key)) changes.push([key, undefined])
    for (const [key, { syncedTo, version, startOffset }] of marks) {
      const known = state.get(key) as [number, number] | undefined
      const mark = startOffset === null ? [syncedTo, version] : [syncedTo, version, startOffset]
      if (isThere(key) && version !== known?.[1]) changes.push([key, mark])
    }
    state.write(changes)
  } finally {
    closeQuietly(state)
  }
}

/** Removes the files of a host, or empties its journal. Their content is in logs and in the marks of all partitions. */
function removeHost({ disk, folder, logId }: Recovery, plan: JournalPlan, keep: number): void {
  const { host, end } = plan
  const paths = journalPaths(folder, host)
  if (end.newer !== -1) {
    // Its files keep their size.
    const sizes = paths.filter(path => disk.list(folder).includes(basename(path))).map(path => sizeOf(disk, path))
    Journal.start(disk, folder, host, logId, { journalBytes: Math.max(...sizes), after: end }).close()
  }
  clearNote(disk, folder, host)
  if (host < keep) return
  // The newer of the two before is the older one now: without it the other still says that nothing is needed.
  const older = end.newer === -1 ? 1 : end.newer
  disk.remove(paths[older] as string)
  disk.syncDirectory(folder)
  for (const name of disk.list(folder)) if (hostOf(name) === host) disk.remove(join(folder, name))
  disk.syncDirectory(folder)
}

function closeQuietly(opened: { close(): void }): void {
  try {
    opened.close()
  } catch {
    // Every acknowledged byte was durable before, or another error reports it.
  }
}

function sizeOf(disk: Disk, path: string): number {
  const file = disk.open(path, 'read')
  try {
    return file.size()
  } finally {
    file.close()
  }
}
