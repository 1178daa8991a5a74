/**
 * Runs the compiled example as a user does and compares every figure with a plain loop over the same rows.
 */
import { execFile, spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { type Reference, reference } from './reference.ts'

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url))

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function run(...args: string[]): Promise<Outcome> {
  return new Promise(resolve => {
    const child = execFile(
      process.execPath,
      [MAIN, ...args],
      { timeout: 30_000, maxBuffer: 1 << 24 },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}

t.setTimeout(90_000)

// The last one reaches the first impossible delay, row 515,377.
const CASES = [
  { limit: 1, partitions: 1, threads: 1 },
  { limit: 1, partitions: 12, threads: 3 },
  { limit: 1_000, partitions: 7, threads: 2 },
  { limit: 1_000, partitions: 1, threads: 3 },
  { limit: 1_000, partitions: 12, threads: 1 },
  { limit: 54_321, partitions: 12, threads: 2 },
  { limit: 54_321, partitions: 1, threads: 1 },
  { limit: 54_321, partitions: 7, threads: 3 },
  { limit: 515_400, partitions: 7, threads: 2 },
]

t.test('a folder that cannot be one is a line on stderr', async t => {
  const file = join(t.testdir({ file: '' }), 'file')
  const { code, stdout, stderr } = await run('--json', '--limit', '10', '--dir', file)
  t.match({ code, stdout }, { code: 1, stdout: '' })
  t.match(stderr, /^01-flights: makeFolder of \S+ failed with EEXIST: [^\n]+\n$/)
})

t.test('killed and run again with its folder, it ends with the figures of a plain loop', async t => {
  const dir = join(t.testdir(), 'data')
  const limit = 515_400
  const args = ['--json', '--limit', `${limit}`, '--dir', dir]
  for (const ms of [600, 800, 1_000]) {
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: 'ignore' })
    const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
    await sleep(ms)
    child.kill('SIGKILL')
    await ended
  }
  const { code, stdout, stderr } = await run(...args)
  t.equal(code, 0, stderr)
  const { published, processed, deadLettered, sumDelayMin, lateFlights } = JSON.parse(stdout) as Reference
  const expected = await reference(limit)
  t.match(expected, { published, processed, deadLettered, sumDelayMin, lateFlights })
})

for (const { limit, partitions, threads } of CASES) {
  t.test(`${limit} flights, ${partitions} partitions, ${threads} threads: the figures of a plain loop`, async t => {
    const [{ code, stdout, stderr }, expected] = await Promise.all([
      run('--json', '--limit', `${limit}`, '--partitions', `${partitions}`, '--threads', `${threads}`),
      reference(limit),
    ])
    t.equal(code, 0, stderr)
    t.match(stdout, /^\{.*\}\n$/, 'one line and nothing else')
    const {
      seconds,
      recordsPerSecond,
      threads: reported,
      ...figures
    } = JSON.parse(stdout) as Reference & {
      readonly seconds: number
      readonly recordsPerSecond: number
      readonly threads: number
    }
    t.strictSame(figures, expected)
    t.ok(seconds > 0 && recordsPerSecond > 0, 'says how long it took')
    t.equal(reported, threads)
  })
}

t.test('the reference knows the whole file', async t => {
  const { published, processed, deadLettered, sumDelayMin, lateFlights } = await reference()
  t.strictSame(
    { published, processed, deadLettered, sumDelayMin, lateFlights },
    { published: 3_000_000, processed: 2_999_997, deadLettered: 3, sumDelayMin: 20_005_884, lateFlights: 599_055 },
  )
})

t.test('a wrong option is one helpful line and exit code 2', async t => {
  for (const args of [['--limmit', '3'], ['--limit', 'many'], ['--partitions', '0'], ['--threads', '-1'], ['extra']]) {
    const { code, stdout, stderr } = await run(...args)
    t.equal(code, 2, args.join(' '))
    t.equal(stdout, '')
    t.match(stderr, /^error: .+\n/)
    t.notMatch(stderr, /\n {4}at /)
  }
})
