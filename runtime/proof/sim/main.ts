/**
 * Runs seeds of the simulation on all cores, and says what they showed. After a build:
 *
 *   npm run test:sim -- [--seeds N] [--seed S] [--jobs J] [--verify] [--trace] [--history] [--hashes] [--first]
 *
 *   --seeds    so many seeds; default 300
 *   --seed     the first of them; default 1
 *   --jobs     threads; default: one per core
 *   --verify   runs each seed twice, and compares
 *   --trace    prints each call, message and event of each seed (one seed, one job)
 *   --history  prints each seed's history
 *   --hashes   prints each seed's hash
 *   --first    ends with the first seed that fails
 *
 * A seed that fails is printed with what it broke, and replays identically: `--seed S --seeds 1 --trace`. A line on standard error says
 * every SAY_MS how far it is, and which seeds run. SIGTERM and SIGINT end it with what was judged so far. What must be met how often is in
 * tally.ts. Exits with 1 when anything is wrong, and with 128 and the signal's number after a signal.
 */
import { writeSync } from 'node:fs'
import { register } from 'node:module'
import { availableParallelism, constants } from 'node:os'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import type { Verdict } from './simulate.ts'
import { Tally, type Told } from './tally.ts'
import { countVisits, type Visits } from './visits.ts'

/** Seeds taken in one go by a thread. */
const CHUNK = 10
/** Nearly all that a seed allocates dies with it: with room for that, all takes a sixth less time. */
const YOUNG_MB = 96
const SAY_MS = 10_000

interface Options {
  readonly verify: boolean
  readonly trace: boolean
  readonly history: boolean
}

type Simulate = typeof import('./simulate.ts')['simulate']

/** A seed is over, or a chunk of them. */
type Answer = { readonly kind: 'seed'; readonly told: Told } | { readonly kind: 'chunk'; readonly visits: Visits }

function told({ seed, hash, inputs, inputsByKind, faults, parts, problems, ...seen }: Verdict): Told {
  const sights = [...seen.queueSights, ...seen.exchangeSights, ...seen.requestSights, ...seen.tickSights]
  return { seed, hash, inputs, inputsByKind, faults: [...faults.keys()], parts, sights, problems }
}

/** At once, also from a thread whose event loop does not turn. */
function print(line: string): void {
  writeSync(1, `${line}\n`)
}

function runSeed(simulate: Simulate, seed: number, { verify, trace, history }: Options): Told {
  const verdict = simulate(seed, trace ? print : null)
  if (history) for (const event of verdict.history.events) print(JSON.stringify(event))
  if (!verify) return told(verdict)
  const again = simulate(seed)
  const same = again.hash === verdict.hash && again.inputs === verdict.inputs
  const problems = same
    ? verdict.problems
    : [...verdict.problems, `it does not replay: ${verdict.hash}, then ${again.hash}`]
  return { ...told(verdict), problems }
}

/** A thread: takes chunks of seeds for as long as it is given any. */
async function work(options: Options): Promise<void> {
  register('./visit-hooks.js', import.meta.url)
  const visits = countVisits()
  const { simulate } = await import('./simulate.js')
  parentPort?.on('message', ({ from, to }: { readonly from: number; readonly to: number }) => {
    for (let seed = from; seed < to; seed++)
      parentPort?.postMessage({ kind: 'seed', told: runSeed(simulate, seed, options) } satisfies Answer)
    parentPort?.postMessage({ kind: 'chunk', visits } satisfies Answer)
    for (const name of Object.keys(visits)) delete visits[name]
  })
}

function main(): void {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '300' },
      seed: { type: 'string', default: '1' },
      jobs: { type: 'string', default: String(availableParallelism()) },
      verify: { type: 'boolean', default: false },
      trace: { type: 'boolean', default: false },
      history: { type: 'boolean', default: false },
      hashes: { type: 'boolean', default: false },
      first: { type: 'boolean', default: false },
    },
  })
  const options: Options = { verify: values.verify, trace: values.trace, history: values.history }
  const seeds = Number(values.seeds)
  const end = Number(values.seed) + seeds
  let next = Number(values.seed)
  const tally = new Tally(values.hashes)
  const jobs = Math.min(Number(values.jobs), Math.ceil(seeds / CHUNK))
  /** The seed that each thread runs. */
  const running = new Map<number, number>()
  const saying = setInterval(() => {
    process.stderr.write(
      `${tally.seeds} of ${seeds} seeds, ${tally.failed} broke a rule; ${[...running.values()]} run\n`,
    )
  }, SAY_MS)
  saying.unref()
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      console.log(`${signal} after ${tally.seeds} of ${seeds} seeds:`)
      tally.report()
      process.exit(128 + constants.signals[signal])
    })
  for (let job = 0; job < jobs; job++) {
    const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_MB }
    const worker = new Worker(new URL(import.meta.url), { workerData: options, execArgv: [], resourceLimits })
    const give = (): void => {
      if (next >= end) {
        void worker.terminate()
        running.delete(job)
        if (running.size === 0 && !tally.report()) process.exitCode = 1
        return
      }
      const to = Math.min(end, next + CHUNK)
      worker.postMessage({ from: next, to })
      running.set(job, next)
      next = to
    }
    worker.on('message', (answer: Answer) => {
      if (answer.kind === 'chunk') {
        tally.addVisits(answer.visits)
        return give()
      }
      tally.add(answer.told)
      running.set(job, answer.told.seed + 1)
      if (values.first && tally.failed > 0) process.exit(1)
    })
    worker.on('error', error => {
      console.log(error)
      process.exit(1)
    })
    give()
  }
}

if (isMainThread) main()
else void work(workerData as Options)
