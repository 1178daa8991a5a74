/**
 * What is done to a broker's folder between two processes, so that the next one has something to recover.
 *
 * The parent, while nobody has the folder open. Nothing here takes what was promised: a process that dies in the middle of
 * a write leaves the first part of a frame, a loss of power takes of a log what only the journal has made durable, and a
 * state log that was written for hours is long and holds little.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { NodeDisk } from '../../log/disk/node-disk.ts'
import { FrameScan } from '../../log/format/frame-scan.ts'
import { SEGMENT_HEADER_BYTES, segmentBases, segmentPath } from '../../log/format/segment-format.ts'
import { STATE_ALIGN_BYTES, STATE_HEADER_BYTES, STATE_RECORD_HEADER_BYTES } from '../../log/format/state-format.ts'
import { readIdentity } from '../../log/store/identity.ts'
import { frameBytesMax, partitionsFolder } from '../../log/store/log-place.ts'
import { StateLog } from '../../log/store/state-log.ts'
import { marksPath } from '../../log/store/sync-marks.ts'
import { readAllMarks, readJournal, willMark } from './crash-files.fixture.ts'

/** From this size on a state log is compacted, if most of it is over. */
const COMPACT_BYTES = 64 * 1_024
/** The largest message of all topics here. */
const MESSAGE_BYTES = 4_096
/** More than the header of a frame, and less than a frame. */
const TORN_BYTES = 100

/**
 * Writes the smallest entry of a state log again, as it is, until the next record brings it to its compaction. False: it has
 * none, or nothing will be written to it, as to the marks of all partitions when there is nothing to mark.
 */
export function growStateLog(dir: string, name: string): boolean {
  const disk = new NodeDisk()
  if (!disk.list(dir).includes(name)) return false
  if (name === basename(marksPath(dir)) && !willMark(dir)) return false
  const state = StateLog.open(disk, join(dir, name), { logId: readIdentity(disk, dir).logId, syncs: false })
  try {
    const [smallest] = [...state.entries()].sort((a, b) => bytesOf(a) - bytesOf(b))
    if (smallest === undefined) return false
    while (state.bytes + bytesOf(smallest) <= COMPACT_BYTES) state.write([smallest])
    return true
  } finally {
    state.close()
  }
}

/** Of the record of one entry. */
function bytesOf(entry: readonly [key: string, value: unknown]): number {
  const body = Buffer.byteLength(JSON.stringify([entry]))
  return STATE_RECORD_HEADER_BYTES + Math.ceil(body / STATE_ALIGN_BYTES) * STATE_ALIGN_BYTES
}

/** Leaves the first part of a frame at the end of each log that has any. */
export function tearTails(dir: string): void {
  for (const { folder, bases } of logsOf(dir)) {
    const file = openSync(segmentPath(folder, bases.at(-1) as number), 'r+')
    try {
      const { size } = fstatSync(file)
      if (size < SEGMENT_HEADER_BYTES + TORN_BYTES) continue
      const bytes = Buffer.alloc(TORN_BYTES)
      readSync(file, bytes, 0, bytes.length, SEGMENT_HEADER_BYTES)
      writeSync(file, bytes, 0, bytes.length, size)
    } finally {
      closeSync(file)
    }
  }
}

/** Leaves the first part of a record at the end of the file of what queues have settled, if there is one. */
export function tearSettled(dir: string): void {
  const path = join(dir, 'host-0.settled')
  if (!existsSync(path) || statSync(path).size <= STATE_HEADER_BYTES) return
  const file = openSync(path, 'r+')
  try {
    const bytes = Buffer.alloc(STATE_RECORD_HEADER_BYTES - 1)
    readSync(file, bytes, 0, bytes.length, STATE_HEADER_BYTES)
    writeSync(file, bytes, 0, bytes.length, fstatSync(file).size)
  } finally {
    closeSync(file)
  }
}

/**
 * Cuts one file of each log somewhere above its mark, as far as the journal has it. What lies between was found when the
 * log was opened last, and was synced then, although no mark says so.
 */
export function losePower(dir: string): void {
  const marks = readAllMarks(dir)
  const journal = readJournal(dir)
  for (const { name, folder, bases } of logsOf(dir)) {
    const journalled = journal.get(name)
    if (journalled === undefined) continue
    const least = Math.max(journalled.begin, marks.get(name)?.syncedTo ?? 0)
    const unmarked = bases.flatMap((base, at) => {
      const next = bases[at + 1]
      return next !== undefined && next <= least ? [] : [{ base, from: placeOf(folder, base, least) }]
    })
    const { base, from } = unmarked[Math.floor(Math.random() * unmarked.length)] as (typeof unmarked)[number]
    const path = segmentPath(folder, base)
    const left = statSync(path).size - from
    if (left <= 0) continue
    const file = openSync(path, 'r+')
    try {
      ftruncateSync(file, from + Math.floor(Math.random() * left))
    } finally {
      closeSync(file)
    }
  }
}

/** Where in a segment what lies at or above an offset begins. */
function placeOf(folder: string, base: number, offset: number): number {
  const file = new NodeDisk().open(segmentPath(folder, base), 'read')
  try {
    const begin = { position: SEGMENT_HEADER_BYTES, offset: base }
    const scan = new FrameScan(file, begin, file.size(), frameBytesMax(MESSAGE_BYTES))
    for (let frame = scan.next(); frame !== null; frame = scan.next())
      if (frame.endOffset > offset) return frame.position
    return scan.position
  } finally {
    file.close()
  }
}

interface LogFolder {
  /** Topic and partition. */
  readonly name: string
  readonly folder: string
  /** Of its segments, ascending, at least one. */
  readonly bases: readonly number[]
}

function logsOf(dir: string): LogFolder[] {
  const logs: LogFolder[] = []
  const disk = new NodeDisk()
  for (const name of disk.list(partitionsFolder(dir))) {
    const folder = join(partitionsFolder(dir), name)
    const bases = segmentBases(readdirSync(folder))
    if (bases.length > 0) logs.push({ name, folder, bases })
  }
  return logs
}
