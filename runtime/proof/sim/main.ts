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
 * A seed that fails is printed with what it broke, and replays identically: `--seed S --seeds 1 --trace`. With at least
 * FAULTS_FROM seeds each kind of fault must be in a fifth of them, those of disks, processes and queues in a twentieth or less, and with
 * VISITS_FROM each pair of state and input that was seen at all must have been seen VISITS_MIN times. Exits with 1 when anything is wrong.
 */
import { writeSync } from 'node:fs'
import { register } from 'node:module'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { EXCHANGE_SIGHTS, type ExchangeSight } from './exchange-sights.ts'
import { FAULTS, type FaultKind } from './plan.ts'
import { QUEUE_SIGHTS, type QueueSight } from './queue-sights.ts'
import { REQUEST_SIGHTS, type RequestSight } from './request-sights.ts'
import { EVENT_NAMES } from './scheduler.ts'
import type { Verdict } from './simulate.ts'
import { TICK_SIGHTS, type TickSight } from './tick-sights.ts'
import { countVisits, type Visits } from './visits.ts'

/** With fewer seeds shares say little. */
const FAULTS_FROM = 300
const SHARE_MIN = 0.2
/**
 * Half of all seeds have a disk, and most of those one or two processes that do not end as they should; and what depends on how a
 * group is set up befalls few of the groups that there are.
 */
const RARE: readonly FaultKind[] = [
  ...(['reopened', 'processDeath', 'powerCut', 'tornApart', 'claimsAfterDeath', 'restoredState'] as const),
  ...([
    'failedDisk',
    'retention',
    'stopAtVerdict',
    'stopAtOutput',
    'stopAtSnapshot',
    'slowOutput',
    'letterWaits',
    'heldByRate',
  ] as const),
]
const RARE_MIN = 0.05
/** A third of the seeds has exchanges, requests or schedules, and this befalls few of those. */
const RAREST: readonly Sight[] = [
  'routeUnanswered',
  'requestCrash',
  'requestFull',
  'requestDropped',
  'requestPurged',
  'requestCancelled',
  'requestDuplicate',
  'requestAtClose',
  'requestOfOther',
  'tickMissed',
  'tickOverlap',
  'scheduleRemoval',
]
const RAREST_MIN = 0.01
/** With fewer seeds no pair of state and input need be visited often. */
const VISITS_FROM = 10_000
const VISITS_MIN = 100
/** Seeds taken in one go by a thread. */
const CHUNK = 10
/** Nearly all that a seed allocates dies with it: with room for that, all takes a sixth less time. */
const YOUNG_MB = 96
/** Failing seeds printed. */
const TOLD_MAX = 20

interface Options {
  readonly verify: boolean
  readonly trace: boolean
  readonly history: boolean
}

const ALL_SIGHTS = [...QUEUE_SIGHTS, ...EXCHANGE_SIGHTS, ...REQUEST_SIGHTS, ...TICK_SIGHTS]
type Sight = QueueSight | ExchangeSight | RequestSight | TickSight

type Simulate = typeof import('./simulate.ts')['simulate']

/** What a thread tells of one seed. */
interface Told {
  readonly seed: number
  readonly hash: number
  readonly inputs: number
  readonly inputsByKind: readonly number[]
  readonly faults: readonly FaultKind[]
  readonly queueSights: readonly Sight[]
  readonly problems: readonly string[]
}

interface Answer {
  readonly seeds: readonly Told[]
  readonly visits: Visits
}

function told({ seed, hash, inputs, inputsByKind, faults, problems, ...seen }: Verdict): Told {
  const sights = [...seen.queueSights, ...seen.exchangeSights, ...seen.requestSights, ...seen.tickSights]
  return { seed, hash, inputs, inputsByKind, faults: [...faults.keys()], queueSights: sights, problems }
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
    const seeds: Told[] = []
    for (let seed = from; seed < to; seed++) seeds.push(runSeed(simulate, seed, options))
    parentPort?.postMessage({ seeds, visits } satisfies Answer)
    for (const name of Object.keys(visits)) delete visits[name]
  })
}

class Tally {
  seeds = 0
  inputs = 0
  failed = 0
  inputsMin: number = Number.POSITIVE_INFINITY
  readonly byKind: number[] = EVENT_NAMES.map(() => 0)
  readonly #faults = new Map<FaultKind, number>()
  readonly #queueSights = new Map<Sight, number>()
  readonly #visits = new Map<string, number>()
  readonly #hashes: boolean

  constructor(hashes: boolean) {
    this.#hashes = hashes
  }

  addVisits(visits: Visits): void {
    for (const [name, count] of Object.entries(visits)) this.#visits.set(name, (this.#visits.get(name) ?? 0) + count)
  }

  add({ seed, hash, inputs, inputsByKind, faults, queueSights, problems }: Told): void {
    this.seeds++
    this.inputs += inputs
    this.inputsMin = Math.min(this.inputsMin, inputs)
    for (const [kind, count] of inputsByKind.entries()) this.byKind[kind] = (this.byKind[kind] as number) + count
    for (const fault of faults) this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + 1)
    for (const sight of queueSights) this.#queueSights.set(sight, (this.#queueSights.get(sight) ?? 0) + 1)
    if (this.#hashes) console.log(`seed ${seed}: ${hash.toString(16).padStart(8, '0')}, ${inputs} inputs`)
    if (problems.length === 0) return
    this.failed++
    if (this.failed > TOLD_MAX) return
    console.log(`seed ${seed} (${hash.toString(16).padStart(8, '0')}) breaks a rule:`)
    for (const problem of problems) console.log(`    ${problem}`)
  }

  /** Prints the figures; whether all is as it should be. */
  report(seconds: number): boolean {
    const share = (fault: FaultKind): number => (this.#faults.get(fault) ?? 0) / this.seeds
    console.log(
      `inputs: ${EVENT_NAMES.map((name, kind) => `${name} ${this.byKind[kind]}`).join(', ')} (ticks do not count)`,
    )
    console.log(
      `faults, in so many of a hundred seeds: ${FAULTS.map(fault => `${fault} ${(share(fault) * 100).toFixed(0)}`).join(', ')}`,
    )
    const queueShare = (sight: Sight): number => (this.#queueSights.get(sight) ?? 0) / this.seeds
    console.log(
      `queues, in so many of a hundred seeds: ${ALL_SIGHTS.map(sight => `${sight} ${(queueShare(sight) * 100).toFixed(0)}`).join(', ')}`,
    )
    console.log('visits of each kind of state by each kind of input:')
    for (const [name, count] of [...this.#visits].sort()) console.log(`    ${name}: ${count}`)
    const seldom = this.seeds >= VISITS_FROM ? [...this.#visits].filter(([, count]) => count < VISITS_MIN) : []
    if (seldom.length > 0)
      console.log(`visited less than ${VISITS_MIN} times: ${seldom.map(([name]) => name).join('; ')}`)
    const rare =
      this.seeds >= FAULTS_FROM
        ? [
            ...FAULTS.filter(fault => share(fault) < (RARE.includes(fault) ? RARE_MIN : SHARE_MIN)),
            ...ALL_SIGHTS.filter(sight => queueShare(sight) < (RAREST.includes(sight) ? RAREST_MIN : RARE_MIN)).map(
              sight => `${sight} of queues`,
            ),
          ]
        : []
    if (rare.length > 0) console.log(`too rare: ${rare.join(', ')}`)
    const each = Math.round(this.inputs / this.seeds)
    console.log(
      `${this.seeds} seeds, ${this.inputs} inputs (${each} a seed, at least ${this.inputsMin}), ${seconds.toFixed(1)} s: ${this.failed} broke a rule`,
    )
    return this.failed === 0 && rare.length === 0 && seldom.length === 0
  }
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
  const end = Number(values.seed) + Number(values.seeds)
  let next = Number(values.seed)
  const started = performance.now()
  const tally = new Tally(values.hashes)
  const jobs = Math.min(Number(values.jobs), Math.ceil(Number(values.seeds) / CHUNK))
  let busy = jobs
  for (let job = 0; job < jobs; job++) {
    const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_MB }
    const worker = new Worker(new URL(import.meta.url), { workerData: options, execArgv: [], resourceLimits })
    const give = (): void => {
      if (next >= end) {
        void worker.terminate()
        if (--busy === 0 && !tally.report((performance.now() - started) / 1000)) process.exitCode = 1
        return
      }
      const to = Math.min(end, next + CHUNK)
      worker.postMessage({ from: next, to })
      next = to
    }
    worker.on('message', ({ seeds, visits }: Answer) => {
      tally.addVisits(visits)
      for (const answer of seeds) {
        tally.add(answer)
        if (values.first && tally.failed > 0) process.exit(1)
      }
      give()
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
