/** A log that is killed again and again: its settings, and what may be left of it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { NodeDisk } from '../../log/disk/node-disk.ts'
import { verifyFolder } from '../../log/folder/log-verify.ts'
import { frameOf, framesIn } from '../../log/format/log-frames.fixture.ts'
import type { LogSettings } from '../../log/format/segment-format.ts'
import { LogReader } from '../../log/read/log-reader.ts'
import { PartitionLog } from '../../log/store/partition-log.ts'

const WRITER = new URL('./log-writer.fixture.js', import.meta.url)

/** Small segments, so that many kills find it between two. */
export const KILLED: LogSettings = {
  logId: Uint8Array.from({ length: 16 }, (_, at) => 200 + at),
  topic: 1,
  partition: 0,
  segmentBytes: 16_384,
  frameBytesMax: 8_192,
}
/** Records of the largest frame: so many go with one that is cut. */
export const FRAME_RECORDS_MAX = 5
/** Kills that come while the process starts. */
const EARLY_SHARE = 0.2
/** About as long as that takes. */
const STARTS_MS = 150
/** Appends of a process that nobody kills. */
export const STOP_AFTER = 1_000_000

export interface LogKills {
  readonly kills: number
  readonly appends: number
  /** Ends of the log that were cut off when it was opened. */
  readonly cuts: number
  readonly problems: readonly string[]
}

/** Where the log starts and ends, as far as it is known: what the process said last, or what was there before it. */
interface Known {
  start: number
  end: number
}

/** What the process said before it was killed. */
interface Said extends Known {
  /** A cut was begun, and may be done. */
  cutting: boolean
  /** Old segments are being removed. */
  removing: boolean
  appends: number
  cuts: number
}

/** Runs a process that appends, and kills it `ms` after it was started, or after it has opened the log. */
async function writeUntilKilled(folder: string, ms: number, isEarly: boolean, before: Known): Promise<Said> {
  const child: ChildProcess = spawn(process.execPath, [fileURLToPath(WRITER), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const said: Said = { ...before, cutting: false, removing: false, appends: 0, cuts: 0 }
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const started = new Promise<void>(resolve => {
    lines.on('line', line => {
      const [word, ...offsets] = line.split(' ')
      const [first = 0, second = 0, third = 0] = offsets.map(Number)
      if (word === 'opened') {
        Object.assign(said, { start: first, end: second, cuts: third })
        resolve()
      } else if (word === 'cutting') said.cutting = true
      else if (word === 'removing') said.removing = true
      else if (word === 'start') Object.assign(said, { start: first, removing: false })
      else {
        if (!said.cutting) said.appends++
        Object.assign(said, { end: first, cutting: false })
      }
    })
  })
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  await Promise.race([isEarly ? sleep(ms) : started.then(() => sleep(ms)), ended])
  child.kill('SIGKILL')
  await ended
  return said
}

/** What is wrong with the log, as the next to open it finds it; and where it starts and ends now. */
function judge(folder: string, said: Said): Known & { readonly problems: readonly string[] } {
  const disk = new NodeDisk()
  const problems: string[] = []
  const log = PartitionLog.open(disk, folder, KILLED, 0)
  const { startOffset, endOffset } = log
  const least = said.cutting ? said.end - FRAME_RECORDS_MAX : said.end
  if (endOffset < least) problems.push(`it ends at ${endOffset}, and ${said.end} was acknowledged`)
  // One append may have been made and not told.
  if (endOffset > said.end + FRAME_RECORDS_MAX)
    problems.push(`it ends at ${endOffset}, and nobody went beyond ${said.end}`)
  if (startOffset < said.start || (startOffset > said.start && !said.removing))
    problems.push(`it starts at ${startOffset}, and ${said.start} was told`)
  const reader = new LogReader(disk, folder, KILLED)
  for (let offset = startOffset; offset < endOffset; ) {
    const frames = framesIn(reader.read(offset, endOffset, 65_536))
    for (const { bytes, baseOffset, endOffset: next } of frames) {
      const deltas = Array.from({ length: next - baseOffset }, (_, at) => at)
      const wanted = frameOf({ baseOffset, deltas, baseTimestamp: 1_000, valueBytes: 100 + (baseOffset % 700) })
      if (baseOffset !== offset || Buffer.compare(bytes, wanted) !== 0)
        problems.push(`at ${offset} there is a frame of ${baseOffset} that nobody wrote`)
      offset = next
    }
  }
  reader.close()
  log.close()
  const { damaged, files } = verifyFolder(disk, folder)
  if (damaged > 0) problems.push(`damaged: ${JSON.stringify(files.filter(({ damage }) => damage !== null))}`)
  return { start: startOffset, end: endOffset, problems }
}

/** Kills the writer of one folder `times` times, each at a random moment, and looks at the log after each. */
export async function killLog(times: number): Promise<LogKills> {
  const parent = mkdtempSync(join(tmpdir(), 'millrace-log-'))
  const folder = join(parent, 'partition-0')
  const problems: string[] = []
  let [appends, cuts] = [0, 0]
  let kills = 0
  let known: Known = { start: 0, end: 0 }
  try {
    for (; kills < times && problems.length === 0; kills++) {
      // Some while it starts and opens the log, most in the middle of appends.
      const isEarly = Math.random() < EARLY_SHARE
      const ms = Math.random() * (isEarly ? STARTS_MS : 80)
      const said = await writeUntilKilled(folder, ms, isEarly, known)
      appends += said.appends
      cuts += said.cuts
      const { problems: found, ...now } = judge(folder, said)
      known = now
      problems.push(...found.map(problem => `after kill ${kills + 1}: ${problem}`))
    }
  } finally {
    rmSync(parent, { recursive: true })
  }
  return { kills, appends, cuts, problems }
}
