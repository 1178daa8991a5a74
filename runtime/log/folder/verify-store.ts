/**
 * Checks every byte of an unused broker folder. It tells good bytes, never acknowledged bytes that the next opening
 * will cut off, and damage apart.
 *
 * Any thread; reads only. It continues behind damage, so that one report has everything. Bound: one partition at a
 * time.
 */
import { join } from 'node:path'
import type { Durability } from '../../words/message.ts'
import { type Disk, DiskError } from '../disk/disk.ts'
import { LogFileError } from '../disk/log-errors.ts'
import type { RecordFileKind, StateRecord } from '../format/state-format.ts'
import { scanState } from '../recovery/state-scan.ts'
import { type FoundLog, halfDone } from '../store/half-done.ts'
import { IDENTITY_NAME, readIdentity, WHOLE_VERSION } from '../store/identity.ts'
import { planJournal } from '../store/journal-replay.ts'
import { partitionFolder } from '../store/log-place.ts'
import { notePath, type PassLog, readNote } from '../store/pass-note.ts'
import { SettledStates } from '../store/settled-log.ts'
import { type KnownTopic, missingFiles, wrongPartitions } from '../store/store-files.ts'
import { type Mark, markKey, readMarks } from '../store/sync-marks.ts'
import { verifyFolder } from './log-verify.ts'

/** Something that is not as it should be. */
export interface Finding {
  readonly file: string
  readonly position: number
  readonly why: string
  /** False: it was never acknowledged, and is cut off, or made again, by the next opening. */
  readonly isDamage: boolean
}

export interface PartitionReport {
  readonly topic: string
  readonly partition: number
  readonly startOffset: number
  readonly endOffset: number
  readonly records: number
  readonly bytes: number
  readonly findings: readonly Finding[]
}

export interface StoreReport {
  readonly partitions: readonly PartitionReport[]
  /** Findings in files that belong to no partition. */
  readonly findings: readonly Finding[]
}

/** Findings about a topic. */
interface NamedTopic extends KnownTopic {
  readonly name: string
  readonly durability?: Durability
}

/** A partition among the reports. */
interface FoundPartition extends FoundLog {
  readonly at: number
  readonly folder: string
}

/** The same, as the catalog keeps it. */
interface KeptTopic {
  readonly shape: NamedTopic
  readonly isMade?: boolean
  readonly growsTo?: number
}

interface Catalog {
  readonly topics: Map<string, NamedTopic>
  /** Deleted topics that may not be removed completely; the next opening continues that. */
  readonly gone: Map<string, KnownTopic>
  hosts: number
}

/** What queues have settled. */
const SETTLED = /^host-\d+\.settled$/
/** State logs that nothing here has to be known of. */
const STATES = /^(?:snapshots|producers|host-\d+\.(?:groups|letters))$/

/** Throws `LogFileError` where the folder is not a broker's, or its identity is damaged; `DiskError`. */
export function verifyStore(disk: Disk, dir: string): StoreReport {
  const names = disk.list(dir)
  if (!names.includes(IDENTITY_NAME)) throw new DiskError('open', join(dir, IDENTITY_NAME), 'ENOENT')
  const { logId, version } = readIdentity(disk, dir)
  const findings: Finding[] = []
  const state = (name: string, apply: (record: StateRecord) => void, kind: RecordFileKind = 'state'): void =>
    look(join(dir, name), findings, () => {
      const file = disk.open(join(dir, name), 'read')
      try {
        const torn = scanState(file, logId, apply, kind)
        if (torn !== null) findings.push({ ...torn, isDamage: false })
      } finally {
        file.close()
      }
    })
  const catalog: Catalog = { topics: new Map(), gone: new Map(), hosts: 0 }
  const { topics } = catalog
  if (names.includes('catalog')) state('catalog', record => note(record, catalog))
  for (const name of names) if (STATES.test(name)) state(name, () => undefined)
  const floors = new Map<string, number>()
  for (const name of names) {
    if (!SETTLED.test(name)) continue
    const states = new SettledStates()
    state(name, record => states.replay(join(dir, name), record), 'settled')
    for (const { topic, partition, floor } of states.values()) {
      const key = markKey(topic, partition)
      // A host that had the queue before knows less of it.
      floors.set(key, Math.max(floor, floors.get(key) ?? 0))
    }
  }
  const wrong = [...wrongPartitions(disk, dir, [...topics.values(), ...catalog.gone.values()])]
  if (version >= WHOLE_VERSION) wrong.unshift(...missingFiles(disk, dir, catalog.hosts, version))
  for (const { file, why } of wrong) findings.push({ file, position: 0, why, isDamage: true })
  const marks = new Map<string, Mark>()
  for (const name of names)
    if (name === 'marks' || name.endsWith('.marks'))
      look(join(dir, name), findings, () => {
        const torn = readMarks(disk, join(dir, name), logId, marks)
        if (torn !== null) findings.push({ ...torn, isDamage: false })
      })
  const tips = new Map<string, number>()
  const notes: (readonly PassLog[])[] = []
  for (const host of hostsOf(names)) {
    look(join(dir, `host-${host}.journal-a`), findings, () => {
      const plan = planJournal(disk, dir, host, logId)
      const { state: how, file, position, why } = plan.end
      if (how === 'torn') findings.push({ file: file ?? dir, position, why, isDamage: false })
      for (const [key, end] of plan.tips) tips.set(key, end)
    })
    look(notePath(dir, host), findings, () => notes.push(readNote(disk, dir, host, logId)))
  }
  const partitions: PartitionReport[] = []
  const found = new Map<string, FoundPartition>()
  for (const { id, name, durability, partitions: count } of topics.values())
    for (let partition = 0; partition < count; partition++) {
      const { syncedTo, startOffset } = marks.get(markKey(id, partition)) ?? {
        syncedTo: 0,
        startOffset: version >= WHOLE_VERSION ? 0 : null,
      }
      const report = verifyPartition(disk, partitionFolder(dir, id, partition), syncedTo, startOffset)
      const folder = partitionFolder(dir, id, partition)
      const missing = missingMessages(report, floors.get(markKey(id, partition)), folder)
      const endOffset = Math.max(report.endOffset, tips.get(markKey(id, partition)) ?? 0)
      found.set(markKey(id, partition), { endOffset, isJournalled: durability !== 'os', at: partitions.length, folder })
      partitions.push({ topic: name, partition, ...report, findings: [...missing, ...report.findings] })
    }
  for (const note of notes) tellHalfDone(note, found, partitions)
  return { partitions, findings }
}

/** Adds what the next opening will cut off, because it is only a part of a pass. */
function tellHalfDone(
  note: readonly PassLog[],
  found: ReadonlyMap<string, FoundPartition>,
  partitions: PartitionReport[],
): void {
  for (const { log, before } of halfDone(note, ({ topic, partition }) => found.get(markKey(topic, partition)))) {
    const report = partitions[log.at] as PartitionReport
    const why = `from offset ${before} on, what was written with it is missing in another log`
    const findings = [...report.findings, { file: log.folder, position: 0, why, isDamage: false }]
    partitions[log.at] = { ...report, findings }
  }
}

function verifyPartition(
  disk: Disk,
  folder: string,
  syncedTo: number,
  begin: number | null,
): Omit<PartitionReport, 'topic' | 'partition'> {
  const { files, startOffset, endOffset, records, bytes } = verifyFolder(disk, folder)
  // Bytes behind the durable end that are not signed were never acknowledged, or the journal has them.
  const findings: Finding[] = files.flatMap(({ file, kind, damage }) => {
    if (damage === null) return []
    const { position, why, offset, isSigned = false } = damage
    return [{ file, position, why, isDamage: kind === 'segment' && (isSigned || offset < syncedTo) }]
  })
  if (begin !== null && startOffset > begin)
    findings.unshift({
      file: folder,
      position: 0,
      why: `the log begins at offset ${startOffset}, and nothing was removed from ${begin} on`,
      isDamage: true,
    })
  if (endOffset < syncedTo && !findings.some(finding => finding.isDamage))
    findings.push({
      file: folder,
      position: 0,
      why: `the log ends at offset ${endOffset}, and everything below ${syncedTo} was made durable`,
      isDamage: true,
    })
  return { startOffset, endOffset, records, bytes, findings }
}

/** What is not settled must be there. */
function missingMessages({ startOffset }: { startOffset: number }, floor: number | undefined, file: string): Finding[] {
  if (floor === undefined || floor >= startOffset) return []
  const why = `the log begins at offset ${startOffset}, and messages of the queue from ${floor} on are not settled`
  return [{ file, position: 0, why, isDamage: true }]
}

/** Adds the findings about a file, and continues. */
function look(file: string, findings: Finding[], act: () => void): void {
  try {
    act()
  } catch (error) {
    if (error instanceof LogFileError)
      findings.push({ file: error.file, position: error.position, why: error.why, isDamage: true })
    else if (error instanceof DiskError) findings.push({ file, position: 0, why: error.message, isDamage: true })
    else throw error
  }
}

function note({ body }: StateRecord, catalog: Catalog): void {
  for (const [key, value] of JSON.parse(body.toString()) as [string, unknown?][]) {
    if (key === 'hosts') catalog.hosts = (value as { readonly count: number }).count
    if (key.startsWith('gone/')) noteGone(key, value as { readonly partitions: number } | undefined, catalog)
    if (!key.startsWith('topic/')) continue
    if (value === undefined) catalog.topics.delete(key)
    else {
      const { shape, isMade = false, growsTo } = value as KeptTopic
      catalog.topics.set(key, { ...shape, isMade, growsTo })
    }
  }
}

function noteGone(key: string, value: { readonly partitions: number } | undefined, { gone }: Catalog): void {
  if (value === undefined) gone.delete(key)
  else gone.set(key, { id: Number(key.slice('gone/'.length)), partitions: value.partitions, isMade: false })
}

function hostsOf(names: readonly string[]): Set<number> {
  return new Set(names.flatMap(name => /^host-(\d+)\.journal-[ab]$/.exec(name)?.[1] ?? []).map(Number))
}
