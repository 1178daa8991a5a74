/**
 * Every byte at which a log may end, and every bit of it that may change: nothing goes undetected, nothing is invented.
 * Some 160,000 damaged logs are opened and read, or a portion of them. What each comes to is known beforehand, so that
 * the totals hold for every portion.
 */
import t from 'tap'
import { drawn, portion } from '../../proof/fixtures/portion.fixture.ts'
import { LogFileError } from '../disk/log-errors.ts'
import { MemoryDisk } from '../disk/memory-disk.fixture.ts'
import { verifyFolder } from '../folder/log-verify.ts'
import { asFirstVersion, FOLDER, frameOf, readAll, SETTINGS } from '../format/log-frames.fixture.ts'
import { indexPath, segmentPath } from '../format/segment-format.ts'
import { LogReader } from '../read/log-reader.ts'
import { PartitionLog } from './partition-log.ts'

/** Just over 4 KiB, so that each index has an entry. */
const settings = { ...SETTINGS, segmentBytes: 4800 }
const disk = new MemoryDisk()
const frames: Buffer[] = []
const log = PartitionLog.open(disk, FOLDER, settings, 0)
while (log.segments < 3 || log.bytes < 14_000) frames.push(appended(frames.length % 2 === 0))
const end = log.endOffset
log.close()

/** A frame of two records at the end of the log, as this version writes it or as the first one did. */
function appended(isFirstVersion: boolean): Buffer {
  const baseOffset = log.endOffset
  const now = frameOf({ baseOffset, deltas: [0, 1], baseTimestamp: 1000, valueBytes: 180 })
  const frame = isFirstVersion ? asFirstVersion(now) : now
  log.append([frame], { baseOffset, endOffset: baseOffset + 2, maxTimestamp: 1001 }, frame.length)
  return frame
}

const bases = Array.from({ length: 3 }, (_, at) => (at * end) / 3)
const files = bases.flatMap(base => [segmentPath(FOLDER, base), indexPath(FOLDER, base)])
/** Offsets up to which the log is said to be durable: nothing, within each segment, at an edge, and all. */
const checkpoints = [0, 3, end / 3, end / 2, end - 3, end]

const frameBytes = (frames[0] as Buffer).length
const framesEach = frames.length / 3

/** Bytes of the last file at which it may end as if the rest had never been written: between frames, above what was synced. */
function isEdge(file: string, byte: number, syncedTo: number): boolean {
  const frame = (byte - 64) / frameBytes
  return file === files[4] && Number.isInteger(frame) && frame >= 0 && (bases[2] as number) + frame * 2 >= syncedTo
}

/** Whether a byte of a log file is of what was synced: of a frame that begins below, or of the header in front of it. */
function isSynced(file: string, byte: number, syncedTo: number): boolean {
  const before = Math.ceil(syncedTo / 2) - (files.indexOf(file) / 2) * framesEach
  return before > 0 && byte < 64 + frameBytes * Math.min(before, framesEach)
}

type Outcome = 'cut' | 'ended' | 'corrupt' | 'unharmed'

/** A byte of a file from which on it is damaged, and what the file holds then. */
type Damage = readonly [file: string, byte: number, bytes: Buffer]

/** Opens a damaged log and reads all of it; throws if it holds what was never written, or lacks what was synced. */
function outcome(damaged: MemoryDisk, file: string, byte: number, syncedTo: number): Outcome {
  try {
    const opened = PartitionLog.open(damaged, FOLDER, settings, syncedTo)
    if (opened.startOffset !== 0) throw new Error(`starts at ${opened.startOffset}`)
    if (opened.endOffset < syncedTo) throw new Error(`ends at ${opened.endOffset}`)
    const got = readAll(new LogReader(damaged, FOLDER, settings), 0, opened.endOffset, 5000)
    if (opened.endOffset !== got.length * 2 || got.some((frame, at) => !frame.equals(frames[at] as Buffer)))
      throw new Error('holds what was never written')
    if (got.length === frames.length) return 'unharmed'
    if (opened.cuts.length > 0) return 'cut'
    if (damaged.bytesOf(file).length === byte && isEdge(file, byte, syncedTo)) return 'ended'
    throw new Error('says nothing of what it lost')
  } catch (error) {
    if (!(error instanceof LogFileError)) throw error
    if (error.file !== file || error.position > byte) throw new Error(`blames another byte: ${error.message}`)
    return 'corrupt'
  }
}

interface Tally {
  /** Of logs and indexes, and by what they came to. */
  readonly found: { readonly [name: string]: number }
  readonly logs: number
  readonly indexes: number
  /** Logs that are damaged where they were synced. */
  readonly synced: number
  /** Logs that end where they might have ended. */
  readonly edges: number
}

function tally(damages: Iterable<Damage>, syncedTo: number): Tally {
  const found: Record<string, number> = {}
  let [logs, indexes, synced, edges] = [0, 0, 0, 0]
  const good = disk.copy()
  for (const [file, byte, bytes] of damages) {
    const isIndex = file.endsWith('.index')
    if (isIndex) indexes++
    else {
      logs++
      if (isSynced(file, byte, syncedTo)) synced++
      if (bytes.length === byte && isEdge(file, byte, syncedTo)) edges++
    }
    const damaged = good.copy()
    damaged.put(file, bytes)
    let kind: string
    try {
      kind = `${isIndex ? 'index' : 'log'} ${outcome(damaged, file, byte, syncedTo)}`
    } catch (error) {
      kind = `wrong: ${file} byte ${byte}, synced to ${syncedTo}: ${(error as Error).message}`
    }
    found[kind] = (found[kind] ?? 0) + 1
  }
  return { found, logs, indexes, synced, edges }
}

/** Tens of thousands of errors are thrown in these, and nobody looks at where. */
function withoutStacks<T>(act: () => T): T {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return act()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

function* truncations(salt: number): Generator<Damage> {
  for (const [at, file] of files.entries()) {
    const bytes = disk.bytesOf(file)
    for (const length of drawn(bytes.length, salt + at)) yield [file, length, bytes.subarray(0, length)]
  }
}

/** Every bit of each file that is `from` and a multiple of `step`. */
function* flips(step: number, from: number, salt: number): Generator<Damage> {
  for (const [at, file] of files.entries()) {
    const bytes = disk.bytesOf(file)
    for (const each of drawn(Math.ceil((bytes.length * 8 - from) / step), salt + at)) {
      const bit = from + each * step
      const changed = Buffer.from(bytes)
      changed[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
      yield [file, bit >> 3, changed]
    }
  }
}

/** Of each file as many as there are, or what is drawn of so many. */
const triedOf = (suffix: string, countOf: (bytes: number) => number): number =>
  files
    .filter(file => file.endsWith(suffix))
    .reduce((sum, file) => sum + Math.ceil(countOf(disk.bytesOf(file).length) / portion.of), 0)

t.test('the log has three segments with an entry in each index', async t => {
  t.ok(files.every(file => disk.bytesOf(file).length > 64))
  t.equal(disk.bytesOf(files[1] as string).length, 64 + 16)
  t.match(verifyFolder(disk, FOLDER), { damaged: 0, endOffset: end })
  t.ok(frames.every(({ length }) => length === frameBytes))
  for (const at of [0, 2, 4]) t.equal(disk.bytesOf(files[at] as string).length, 64 + frameBytes * framesEach)
})

for (const [at, syncedTo] of [0, end / 2, end].entries()) {
  t.test(`a file that ends at any byte ends the log from ${syncedTo} on and is corrupt before`, async t => {
    const { found, logs, indexes, synced, edges } = withoutStacks(() => tally(truncations(100 + at * 10), syncedTo))
    const {
      'log cut': cut = 0,
      'log ended': ended = 0,
      'log corrupt': corrupt = 0,
      'index unharmed': rebuilt = 0,
      ...rest
    } = found
    t.same(rest, {})
    t.equal(
      logs,
      triedOf('.log', bytes => bytes),
    )
    t.equal(
      indexes,
      triedOf('.index', bytes => bytes),
    )
    t.equal(cut + ended + corrupt, logs)
    t.equal(ended, edges)
    t.equal(corrupt, synced)
    // Between two edges there is a frame, and one byte is drawn from each stretch: some are within, where there are any.
    if (portion.of * 2 < frameBytes) {
      t.equal(cut === 0, syncedTo === end)
      t.equal(corrupt === 0, syncedTo === 0)
    }
    t.equal(rebuilt, indexes)
  })
}

// Each bit is changed once, and each of the checkpoints meets every sixth bit of every file.
for (const [at, syncedTo] of checkpoints.entries()) {
  t.test(`a bit that changes is cut from ${syncedTo} on and corrupt before; indexes are made again`, async t => {
    const { found, logs, indexes, synced } = withoutStacks(() =>
      tally(flips(checkpoints.length, at, 200 + at * 10), syncedTo),
    )
    const { 'log cut': cut = 0, 'log corrupt': corrupt = 0, 'index unharmed': rebuilt = 0, ...rest } = found
    t.same(rest, {})
    const bits = (bytes: number): number => Math.ceil((bytes * 8 - at) / checkpoints.length)
    t.equal(logs, triedOf('.log', bits))
    t.equal(indexes, triedOf('.index', bits))
    t.equal(cut + corrupt, logs)
    t.equal(corrupt, synced)
    t.equal(rebuilt, indexes)
  })
}

t.test('verification sees every change of a bit', async t => {
  let [tried, unseen] = [0, 0]
  withoutStacks(() => {
    for (const [file, , bytes] of flips(7, 3, 300)) {
      const damaged = disk.copy()
      damaged.put(file, bytes)
      tried++
      if (verifyFolder(damaged, FOLDER).damaged === 0) unseen++
    }
  })
  t.equal(
    tried,
    triedOf('', bytes => Math.ceil((bytes * 8 - 3) / 7)),
  )
  t.equal(unseen, 0)
})
