/**
 * The example with few and many flights, partitions and threads, killed and run again, and all three million by a plain
 * loop. A portion is one of these, by the seed.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { drawn } from '../../runtime/proof/fixtures/portion.fixture.ts'
import { endsWithFiguresOfPlainLoop, hasFiguresOfPlainLoop, MAIN } from './flights.fixture.ts'
import { reference } from './reference.ts'

/** Reaches the first impossible delay, row 515,377. */
const MANY = 515_400

const CASES = [
  { limit: 1, partitions: 1, threads: 1 },
  { limit: 1, partitions: 12, threads: 3 },
  { limit: 1_000, partitions: 7, threads: 2 },
  { limit: 1_000, partitions: 1, threads: 3 },
  { limit: 1_000, partitions: 12, threads: 1 },
  { limit: 54_321, partitions: 12, threads: 2 },
  { limit: 54_321, partitions: 1, threads: 1 },
  { limit: 54_321, partitions: 7, threads: 3 },
  { limit: MANY, partitions: 7, threads: 2 },
]

/** Bytes in the segments of a folder, -1 as long as there is none. */
function segmentBytesOf(dir: string): number {
  try {
    const topics = join(dir, 'topics')
    return readdirSync(topics, { recursive: true, encoding: 'utf8' })
      .map(path => statSync(join(topics, path), { throwIfNoEntry: false }))
      .reduce((sum, stat) => sum + (stat?.isFile() === true ? stat.size : 0), 0)
  } catch {
    return -1
  }
}

/** Kills the example when its segments have so many bytes, of the 28 million that they have in the end. */
async function runUntilKilled(t: Test, dir: string, segmentBytes: number): Promise<void> {
  const child = spawn(process.execPath, [MAIN, '--json', '--limit', `${MANY}`, '--dir', dir], { stdio: 'ignore' })
  const closed = once(child, 'close')
  while (child.exitCode === null && segmentBytesOf(dir) < segmentBytes) await sleep(5)
  child.kill('SIGKILL')
  await closed
  t.equal(child.signalCode, 'SIGKILL', `was killed, with ${segmentBytesOf(dir)} bytes in segments`)
}

async function killedAndRunAgain(t: Test): Promise<void> {
  const dir = join(t.testdir(), 'data')
  for (const segmentBytes of [0, 2_000_000, 12_000_000]) await runUntilKilled(t, dir, segmentBytes)
  const { stderr } = await endsWithFiguresOfPlainLoop(t, dir, MANY)
  t.match(stderr, /^Resuming: /m)
}

async function knowsWholeFile(t: Test): Promise<void> {
  const { published, processed, deadLettered, sumDelayMin, lateFlights } = await reference()
  t.strictSame(
    { published, processed, deadLettered, sumDelayMin, lateFlights },
    { published: 3_000_000, processed: 2_999_997, deadLettered: 3, sumDelayMin: 20_005_884, lateFlights: 599_055 },
  )
}

const tests: readonly (readonly [title: string, test: (t: Test) => Promise<void>])[] = [
  ['killed and run again with its folder, it ends with the figures of a plain loop', killedAndRunAgain],
  ...CASES.map(each => {
    const { limit, partitions, threads } = each
    const title = `${limit} flights, ${partitions} partitions, ${threads} threads: the figures of a plain loop`
    return [title, (t: Test) => hasFiguresOfPlainLoop(t, each)] as const
  }),
  ['the reference knows the whole file', knowsWholeFile],
]

for (const at of drawn(tests.length)) t.test(...(tests[at] as (typeof tests)[number]))
