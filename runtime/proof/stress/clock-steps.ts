/**
 * Sets the clock of a whole process while records wait for their retries, and messages of queues for theirs, for the ends of delays, of times
 * to live and of ids, and for a rate. Says who was kept waiting by that.
 *
 *   node dist/runtime/proof/stress/clock-steps.js
 *
 * Needs libfaketime, which steps what the system says of the time in a process that is started with it, on all its threads;
 * the monotonic clock it leaves alone. Fails when a retry of any way of reading does not come within seconds, on this
 * thread, on one of its own, and in the next broker on a folder; and when the clock was not stepped, or both were. Fails also when something of
 * a queue ends early or not within seconds, in memory, on disk, or in the next broker on a folder.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FakeClock, faketimeSetting } from './fake-clock.fixture.ts'
import { stepQueues } from './stepped-queues.fixture.ts'
import { stepWhileTheyWait } from './stepped-retries.fixture.ts'

const HOUR_MS = 3_600_000
const STEPS = [-HOUR_MS, HOUR_MS, -30 * 24 * HOUR_MS, 365 * 24 * HOUR_MS] as const

/** Debian's, for programs with threads. */
function library(): string | undefined {
  const parents = ['/usr/lib', '/usr/local/lib'].filter(existsSync)
  const folders = parents.flatMap(parent => ['.', ...readdirSync(parent)].map(name => join(parent, name, 'faketime')))
  return folders.map(folder => join(folder, 'libfaketimeMT.so.1')).find(existsSync)
}

function startUnderFakeClock(): number {
  const found = library()
  if (found === undefined) {
    console.log('libfaketime is not there: install it (Debian: apt-get install libfaketime), and run this again')
    return 1
  }
  const folder = mkdtempSync(join(tmpdir(), 'millrace-clock-'))
  const env = { ...process.env, ...faketimeSetting(found, join(folder, 'offset')) }
  const { status } = spawnSync(process.execPath, [fileURLToPath(import.meta.url)], { env, stdio: 'inherit' })
  rmSync(folder, { recursive: true })
  return status ?? 1
}

async function stepClocks(clock: FakeClock): Promise<number> {
  const problems: string[] = []
  for (const byMs of STEPS) {
    problems.push(...(await stepWhileTheyWait(clock, byMs)), ...(await stepQueues(clock, byMs)))
    // Each later one would only take its time to say the same.
    if (problems.length > 0) break
  }
  for (const problem of problems) console.log(`FAILED ${problem}`)
  console.log(problems.length === 0 ? 'passed: all came in its time' : `${problems.length} problems`)
  return problems.length === 0 ? 0 : 1
}

const clock = FakeClock.ofThisProcess()
process.exitCode = clock === null ? startUnderFakeClock() : await stepClocks(clock)
