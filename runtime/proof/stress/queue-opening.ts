/**
 * What it costs to open a queue on disk whose process was killed while many messages waited, of one priority and of several.
 *
 *   node dist/runtime/proof/stress/queue-opening.js [--waiting 3000000] [--priorities 8] [--rounds 3]
 *
 * A process fills the queue with messages of 100 bytes, at `os`, and kills itself; a copy of its folder is opened in each round. Processor time
 * and resident memory are those beyond what the same queue with 1,000 messages takes. They stand beside reading the same files with a checksum
 * over them, in the same process. In the last round of each a thread publishes to a topic of the same partition host meanwhile.
 *
 * Fails when a message is missing, when memory grows by GROWN_BYTES_MAX for each message, or when that topic is not served.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, lstatSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Opening } from './queue-opening-child.fixture.ts'
import { quantile } from './within.fixture.ts'

const CHILD = fileURLToPath(new URL('./queue-opening-child.fixture.js', import.meta.url))
const FEW = 1_000
/** 150 MB for ten million. */
const GROWN_BYTES_MAX = 15
/** Publishes that are answered while the queue opens, at least; each waits for a slice, and a moment more. */
const SERVED_MIN = 10

const { values } = parseArgs({
  options: {
    waiting: { type: 'string', default: '3000000' },
    priorities: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '3' },
  },
})
const waiting = Number(values.waiting)
const rounds = Number(values.rounds)
const problems: string[] = []

function filled(root: string, messages: number, priorities: number): string {
  const dir = join(root, `${messages}-${priorities}`)
  const { signal, stderr } = spawnSync(process.execPath, [CHILD, 'fill', dir, String(messages), String(priorities)])
  if (signal !== 'SIGKILL') throw new Error(`the queue could not be filled: ${stderr}`)
  return dir
}

/** Opens a copy of it, of which nothing is to be written out any more. */
function opened(root: string, from: string, priorities: number, how: 'alone' | 'serve'): Opening {
  const dir = join(root, 'copy')
  rmSync(dir, { recursive: true, force: true })
  cpSync(from, dir, { recursive: true, filter: path => !lstatSync(path).isSocket() })
  execFileSync('sync')
  const { stdout, stderr } = spawnSync(process.execPath, [CHILD, 'open', dir, String(priorities), how])
  if (stdout.length === 0) throw new Error(`the queue could not be opened: ${stderr}`)
  return JSON.parse(stdout.toString()) as Opening
}

const median = (found: readonly number[]): number => quantile(found, 0.5)

function spread(found: readonly number[], digits = 0): string {
  const [low, high] = [Math.min(...found), Math.max(...found)].map(value => value.toFixed(digits))
  return `${median(found).toFixed(digits)} (${low}-${high})`
}

function measure(root: string, priorities: number): void {
  const [many, few] = [filled(root, waiting, priorities), filled(root, FEW, priorities)]
  const base: Opening[] = []
  const found: Opening[] = []
  for (let round = 0; round < rounds; round++) {
    base.push(opened(root, few, priorities, 'alone'))
    found.push(opened(root, many, priorities, 'alone'))
  }
  const served = opened(root, many, priorities, 'serve')
  const baseCpuMs = median(base.map(({ openCpuMs }) => openCpuMs))
  const baseBytes = median(base.map(({ grownBytes }) => grownBytes))
  const grown = found.map(({ grownBytes }) => grownBytes - baseBytes)
  for (const { ready } of [...found, served])
    if (ready !== waiting) problems.push(`${ready} messages are ready, and ${waiting} were sent`)
  if (median(grown) > GROWN_BYTES_MAX * waiting) problems.push(`memory has grown by ${median(grown)} bytes`)
  if (priorities > 1 && served.published < SERVED_MIN) problems.push(`${served.published} publishes were answered`)
  const ratios = found.map(({ openCpuMs, readCpuMs }) => (openCpuMs - baseCpuMs) / readCpuMs)
  const grownMb = grown.map(bytes => bytes / 1e6)
  console.log(
    `${waiting} waiting, ${priorities} priorities: ${spread(found.map(({ openCpuMs }) => openCpuMs - baseCpuMs))} ms of processor time, ` +
      `reading with checksums ${spread(found.map(({ readCpuMs }) => readCpuMs))} ms, ` +
      `ratio ${spread(ratios, 1)}; memory ${spread(grownMb, 1)} MB; meanwhile ${served.published} publishes to another topic in ` +
      `${(served.openMs - served.brokerMs).toFixed(0)} ms, at most ${served.longestWaitMs.toFixed(0)} ms from one to the next`,
  )
  rmSync(many, { recursive: true })
}

const root = mkdtempSync(join(tmpdir(), 'queue-opening-'))
try {
  for (const priorities of [1, Number(values.priorities)]) measure(root, priorities)
} finally {
  rmSync(root, { recursive: true, force: true })
}
for (const problem of problems) console.log(`FAILED ${problem}`)
if (problems.length > 0) process.exitCode = 1
