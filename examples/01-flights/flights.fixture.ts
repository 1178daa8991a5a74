/**
 * Runs the compiled example as a user does. For its tests.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { reference as plainLoop, type Reference } from './reference.ts'

export const MAIN: string = fileURLToPath(new URL('./main.js', import.meta.url))

/** Reading the file costs more than most tests do with it. */
const references = new Map<number, Promise<Reference>>()

function reference(limit: number): Promise<Reference> {
  const known = references.get(limit) ?? plainLoop(limit)
  references.set(limit, known)
  return known
}

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs this program of Node, or these flags of it, to its end. */
export function runNode(...args: readonly string[]): Promise<Outcome> {
  return new Promise(resolve => {
    const child = execFile(process.execPath, args, { maxBuffer: 1 << 24 }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}

export function run(...args: readonly string[]): Promise<Outcome> {
  return runNode(MAIN, ...args)
}

export interface Case {
  readonly limit: number
  readonly partitions: number
  readonly threads: number
}

/** Compares every figure with a plain loop over the same rows. */
export async function hasFiguresOfPlainLoop(t: Test, { limit, partitions, threads }: Case): Promise<void> {
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
}

/** Goes on with what is in the folder, and compares the sums with a plain loop. */
export async function endsWithFiguresOfPlainLoop(t: Test, dir: string, limit: number): Promise<Outcome> {
  const outcome = await run('--json', '--limit', `${limit}`, '--dir', dir)
  t.equal(outcome.code, 0, outcome.stderr)
  const { published, processed, deadLettered, sumDelayMin, lateFlights } = JSON.parse(outcome.stdout) as Reference
  const expected = await reference(limit)
  t.match(expected, { published, processed, deadLettered, sumDelayMin, lateFlights })
  return outcome
}
