/**
 * What a broker's folder says of itself while nobody has it open: topics, groups, marks and journal; and that it never says
 * less.
 *
 * The parent, read-only but for a sync. What a state log has said once survives each process: a topic stays in the catalog,
 * the group's committed offsets and the versions of marks only rise. Nobody would miss them otherwise: a group that has
 * forgotten where it was handles everything again, which it may.
 */
import { join } from 'node:path'
import { NodeDisk } from '../../log/disk/node-disk.ts'
import { recoverJournal } from '../../log/recovery/journal-recovery.ts'
import { scanState } from '../../log/recovery/state-scan.ts'
import { readIdentity } from '../../log/store/identity.ts'
import { hostMarksPath, type Mark, markKey, marksPath, readMarks } from '../../log/store/sync-marks.ts'

/** Marks of all partitions, from wherever they are. */
export function readAllMarks(dir: string): Map<string, Mark> {
  return marksIn(dir, [marksPath(dir), hostMarksPath(dir, 0)])
}

/** What the journal has of each partition, from the lowest to the highest offset. */
export function readJournal(dir: string): Map<string, { readonly begin: number; readonly end: number }> {
  const disk = new NodeDisk()
  const found = new Map<string, { readonly begin: number; readonly end: number }>()
  for (const { topic, partition, baseOffset, endOffset } of recoverJournal(
    disk,
    dir,
    0,
    readIdentity(disk, dir).logId,
  )) {
    const { begin, end } = found.get(markKey(topic, partition)) ?? { begin: baseOffset, end: endOffset }
    found.set(markKey(topic, partition), { begin: Math.min(begin, baseOffset), end: Math.max(end, endOffset) })
  }
  return found
}

/** Whether the journal has what is below no mark, and so is brought into logs. */
export function willReplay(dir: string): boolean {
  if (!isBegun(dir)) return false
  const marks = readAllMarks(dir)
  return [...readJournal(dir)].some(([key, { end }]) => end > (marks.get(key)?.syncedTo ?? 0))
}

/** Whether recovery will write to the marks of all partitions: of what it has replayed, or what a host has marked. */
export function willMark(dir: string): boolean {
  if (!isBegun(dir)) return false
  const marks = marksIn(dir, [marksPath(dir)])
  return willReplay(dir) || [...readAllMarks(dir)].some(([key, { version }]) => version !== marks.get(key)?.version)
}

/** A process may have died before there was anything. */
function isBegun(dir: string): boolean {
  return new NodeDisk().list(dir).includes('catalog')
}

function marksIn(dir: string, paths: readonly string[]): Map<string, Mark> {
  const disk = new NodeDisk()
  const marks = new Map<string, Mark>()
  const logId = readIdentity(disk, dir).logId
  for (const path of paths) readMarks(disk, path, logId, marks)
  return marks
}

/** All entries of a state log; none if there is no such file. */
function readState(dir: string, name: string): Map<string, unknown> {
  const disk = new NodeDisk()
  const entries = new Map<string, unknown>()
  if (!disk.list(dir).includes(name)) return entries
  const file = disk.open(join(dir, name), 'read')
  try {
    scanState(file, readIdentity(disk, dir).logId, ({ body }) => {
      for (const [key, value] of JSON.parse(body.toString()) as [string, unknown?][]) {
        if (value === undefined) entries.delete(key)
        else entries.set(key, value)
      }
    })
  } finally {
    file.close()
  }
  return entries
}

/** Everything that may only rise, by what it is; a topic that is there counts as 1. */
function numbersOf(dir: string, group: string): Map<string, number> {
  const numbers = new Map<string, number>()
  const catalog = readState(dir, 'catalog')
  const states = readState(dir, 'host-0.groups')
  for (const [key, value] of catalog) {
    if (key.startsWith('topic/')) numbers.set(`${key} in the catalog`, 1)
    if (!key.startsWith('group/') || !key.endsWith(`/${group}`)) continue
    for (const cursor of (value as { readonly members: readonly number[] }).members) {
      const state = states.get(`${cursor}`) as { readonly committed: number } | undefined
      if (state !== undefined) numbers.set(`the committed offset of member ${cursor}`, state.committed)
    }
  }
  for (const [key, { version }] of readAllMarks(dir)) numbers.set(`the version of mark ${key}`, version)
  return numbers
}

export class CrashFiles {
  readonly #known = new Map<string, number>()

  /** Looks again; says what is less than it was. `group` is the name of the one whose offsets are kept in mind. */
  look(dir: string, group: string): string[] {
    if (!isBegun(dir)) return []
    const numbers = numbersOf(dir, group)
    const problems: string[] = []
    for (const [what, before] of this.#known) {
      const now = numbers.get(what)
      if (now === undefined || now < before) problems.push(`${what} was ${before} and is ${now ?? 'gone'}`)
    }
    for (const [what, now] of numbers) this.#known.set(what, now)
    return problems
  }
}
