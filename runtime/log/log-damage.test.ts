/** Every byte at which a log may end, and every bit of it that may change: nothing goes undetected, nothing is invented. */
import t from 'tap'
import { LogFileError } from './log-errors.ts'
import { appendFrame, FOLDER, readAll, SETTINGS } from './log-frames.fixture.ts'
import { LogReader } from './log-reader.ts'
import { verifyFolder } from './log-verify.ts'
import { MemoryDisk } from './memory-disk.fixture.ts'
import { PartitionLog } from './partition-log.ts'
import { indexPath, segmentPath } from './segment-format.ts'

// Some 160,000 damaged logs are opened and read.
t.setTimeout(100_000)

/** Just over 4 KiB, so that each index has an entry. */
const settings = { ...SETTINGS, segmentBytes: 4800 }
const disk = new MemoryDisk()
const frames: Buffer[] = []
const log = PartitionLog.open(disk, FOLDER, settings, 0)
while (log.segments < 3 || log.bytes < 14_000) frames.push(appendFrame(log, 2, 180))
const end = log.endOffset
log.close()
const bases = Array.from({ length: 3 }, (_, at) => (at * end) / 3)
const files = bases.flatMap(base => [segmentPath(FOLDER, base), indexPath(FOLDER, base)])
/** Offsets up to which the log is said to be durable: nothing, within each segment, at an edge, and all. */
const checkpoints = [0, 3, end / 3, end / 2, end - 3, end]

/** Bytes of the last file at which it may end as if the rest had never been written: between frames, above what was synced. */
function isEdge(file: string, byte: number, syncedTo: number): boolean {
  const frame = (byte - 64) / (frames[0] as Buffer).length
  return file === files[4] && Number.isInteger(frame) && frame >= 0 && (bases[2] as number) + frame * 2 >= syncedTo
}

type Outcome = 'cut' | 'ended' | 'corrupt' | 'unharmed'

// Tens of thousands of errors are thrown here, and nobody looks at where.
Error.stackTraceLimit = 0

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

function tally(damages: Iterable<readonly [string, number, Buffer]>, syncedTo: number): Record<string, number> {
  const found: Record<string, number> = {}
  const good = disk.copy()
  for (const [file, byte, bytes] of damages) {
    const damaged = good.copy()
    damaged.put(file, bytes)
    let kind: string
    try {
      kind = outcome(damaged, file, byte, syncedTo)
    } catch (error) {
      kind = `wrong: ${file} byte ${byte}, synced to ${syncedTo}: ${(error as Error).message}`
    }
    const name = kind.startsWith('wrong') ? kind : `${file.endsWith('.index') ? 'index' : 'log'} ${kind}`
    found[name] = (found[name] ?? 0) + 1
  }
  return found
}

function* truncations(): Generator<readonly [string, number, Buffer]> {
  for (const file of files) {
    const bytes = disk.bytesOf(file)
    for (let length = 0; length < bytes.length; length++) yield [file, length, bytes.subarray(0, length)]
  }
}

function* flips(step: number, from: number): Generator<readonly [string, number, Buffer]> {
  for (const file of files) {
    const bytes = disk.bytesOf(file)
    for (let bit = from; bit < bytes.length * 8; bit += step) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
      yield [file, bit >> 3, changed]
    }
  }
}

const sizeOf = (suffix: string): number =>
  files.filter(file => file.endsWith(suffix)).reduce((sum, file) => sum + disk.bytesOf(file).length, 0)

t.test('the log has three segments with an entry in each index', async t => {
  t.ok(files.every(file => disk.bytesOf(file).length > 64))
  t.equal(disk.bytesOf(files[1] as string).length, 64 + 16)
  t.match(verifyFolder(disk, FOLDER), { damaged: 0, endOffset: end })
})

for (const syncedTo of [0, end / 2, end]) {
  t.test(`a file that ends at any byte ends the log from ${syncedTo} on and is corrupt before`, async t => {
    const found = tally(truncations(), syncedTo)
    const {
      'log cut': cut = 0,
      'log ended': ended = 0,
      'log corrupt': corrupt = 0,
      'index unharmed': rebuilt,
      ...rest
    } = found
    t.same(rest, {})
    t.equal(cut + ended + corrupt, sizeOf('.log'))
    const last = disk.bytesOf(files[4] as string)
    t.equal(ended, [...last.keys()].filter(byte => isEdge(files[4] as string, byte, syncedTo)).length)
    t.equal(cut === 0, syncedTo === end)
    t.equal(corrupt === 0, syncedTo === 0)
    t.equal(rebuilt, sizeOf('.index'))
  })
}

// Each bit is changed once, and each of the checkpoints meets every sixth bit of every file.
for (const [at, syncedTo] of checkpoints.entries()) {
  t.test(`a bit that changes is cut from ${syncedTo} on and corrupt before; indexes are made again`, async t => {
    const {
      'log cut': cut = 0,
      'log corrupt': corrupt = 0,
      'index unharmed': rebuilt = 0,
      ...rest
    } = tally(flips(checkpoints.length, at), syncedTo)
    t.same(rest, {})
    const bits = files.reduce(
      (sum, file) => sum + Math.ceil((disk.bytesOf(file).length * 8 - at) / checkpoints.length),
      0,
    )
    t.equal(cut + corrupt + rebuilt, bits)
    t.ok(rebuilt >= Math.floor((sizeOf('.index') * 8) / checkpoints.length) - 3)
  })
}

t.test('verification sees every change of a bit', async t => {
  let unseen = 0
  for (const [file, , bytes] of flips(7, 3)) {
    const damaged = disk.copy()
    damaged.put(file, bytes)
    if (verifyFolder(damaged, FOLDER).damaged === 0) unseen++
  }
  t.equal(unseen, 0)
})
