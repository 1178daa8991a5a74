/** Processes that are killed at each point of a log store at which that matters, on this machine's disk. */
import { spawnSync } from 'node:child_process'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { NodeDisk } from '../disk/node-disk.ts'
import { framesIn } from '../format/log-frames.fixture.ts'
import type { FaultPoint } from './fault-point.ts'
import { contentOf, ORDERS, STORE_ID } from './log-store.fixture.ts'
import { LogStore } from './log-store.ts'

const program = fileURLToPath(new URL('./store-killed.fixture.js', import.meta.url))
const POINTS: readonly (readonly [point: FaultPoint, times: number])[] = [
  ['recovery', 1],
  ['segmentWritten', 3],
  ['roll', 2],
  ['journalWritten', 6],
  ['journalReuse', 2],
  ['checkpointSynced', 3],
  ['marksWritten', 3],
  // In the end also while there is much to recover.
  ['recovery', 1],
]

// One folder for all: each finds what one has left that was killed at another point.
const folder = join(t.testdir(), 'data')
let least = 0

for (const [at, [point, times]] of POINTS.entries()) {
  t.test(`nothing acknowledged is gone after a process is killed at ${point}, as number ${at + 1}`, async t => {
    const { stdout, signal, stderr } = spawnSync(process.execPath, [program, folder, point, String(times)])
    t.equal(signal, 'SIGKILL', stderr.toString())
    least = Math.max(least, Number(stdout.toString().trimEnd().split('\n').at(-1)))
    // Judged by a copy, so that the next process has this one's end to recover from.
    const copy = join(t.testdir(), 'copy')
    cpSync(folder, copy, { recursive: true })
    const disk = new NodeDisk()
    const store = LogStore.open(disk, copy, 0, STORE_ID, [{ topic: ORDERS, partition: 0 }], { journalBytes: 4096 })
    const log = store.partition(ORDERS, 0)
    t.ok(log.endOffset >= least && log.endOffset <= least + 1, `${log.endOffset} of ${least}`)
    t.equal(framesIn(contentOf(disk, log)).length, log.endOffset)
    store.close()
  })
}
