/** A log that is killed again and again: its settings, and what may be left of it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { frameOf, framesIn } from '../log/log-frames.fixture.ts'
import { LogReader } from '../log/log-reader.ts'
import { verifyFolder } from '../log/log-verify.ts'
import { NodeDisk } from '../log/node-disk.ts'
import { PartitionLog } from '../log/partition-log.ts'
import type { LogSettings } from '../log/segment-format.ts'

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
/** Appends of a process that nobody kills. */
export const STOP_AFTER = 1_000_000

export interface LogKills {
  readonly kills: number
  readonly appends: number
  /** Ends of the log that were cut off when it was opened. */
  readonly cuts: number
  readonly problems: readonly string[]
}

/** What the process said before it was killed. */
interface Said {
  /** The end after the last append or cut that it told. */
  end: number
  /** A cut was begun, and may be done. */
  cutting: boolean
  appends: number
  cuts: number
}

/** Runs a process that appends, and kills it after `ms`. */
async function writeUntilKilled(folder: string, ms: number): Promise<Said> {
  const child: ChildProcess = spawn(process.execPath, [fileURLToPath(WRITER), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const said: Said = { end: -1, cutting: false, appends: 0, cuts: 0 }
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const started = new Promise<void>(resolve => {
    lines.on('line', line => {
      const [word, first, second] = line.split(' ')
      if (word === 'opened') {
        said.end = Number(first)
        said.cuts += Number(second)
        resolve()
      } else if (word === 'cut') said.cutting = true
      else if (word !== 'start') {
        said.end = Number(word)
        said.cutting = false
        said.appends++
      }
    })
  })
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  await Promise.race([ms < 20 ? sleep(ms) : started.then(() => sleep(ms)), ended])
  child.kill('SIGKILL')
  await ended
  return said
}

/** What is wrong with the log, as the next to open it finds it. */
function judge(folder: string, said: Said): string[] {
  const disk = new NodeDisk()
  const problems: string[] = []
  const log = PartitionLog.open(disk, folder, KILLED, 0)
  const { startOffset, endOffset } = log
  const least = said.cutting ? said.end - FRAME_RECORDS_MAX : said.end
  if (endOffset < least) problems.push(`it ends at ${endOffset}, and ${said.end} was acknowledged`)
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
  return problems
}

/** Kills the writer of one folder `times` times, each at a random moment, and looks at the log after each. */
export async function killLog(times: number): Promise<LogKills> {
  const parent = mkdtempSync(join(tmpdir(), 'millrace-log-'))
  const folder = join(parent, 'partition-0')
  const problems: string[] = []
  let [appends, cuts] = [0, 0]
  let kills = 0
  try {
    for (; kills < times && problems.length === 0; kills++) {
      // Some before it has opened the log, most in the middle of appends.
      const said = await writeUntilKilled(folder, Math.random() < 0.2 ? Math.random() * 60 : 20 + Math.random() * 60)
      appends += said.appends
      cuts += said.cuts
      problems.push(...judge(folder, said).map(problem => `after kill ${kills + 1}: ${problem}`))
    }
  } finally {
    rmSync(parent, { recursive: true })
  }
  return { kills, appends, cuts, problems }
}
