/**
 * Runs programs in processes of their own, kills those whose plan says so, and judges what they wrote down.
 *
 * The parent of all: it runs no broker. Programs that nobody kills share a process, and those in memory a broker.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { slowness } from '../../fixtures/slowness.fixture.ts'
import type { ChildJob } from './child.ts'
import type { FuzzEvent } from './events.ts'
import { featuresOf } from './features.ts'
import { judge } from './judge.ts'
import type { KillPlan, ProgramPlan } from './plan.ts'
import { planProgram } from './plan-program.ts'
import { readHistory } from './sink.ts'

const CHILD = fileURLToPath(new URL('./child.js', import.meta.url))
/** A process that says nothing for so long hangs: no call of a program takes as long. */
const SILENCE_MS = 60_000
const SHARE = 12

export interface Judged {
  readonly seed: number
  readonly findings: readonly string[]
  readonly features: ReadonlySet<string>
  readonly calls: ReadonlyMap<string, number>
  readonly records: number
  readonly hands: number
  readonly kills: number
  /** Where its history is, if it is kept. */
  readonly history: string
}

export interface Runner {
  readonly kills: boolean
  readonly jobs: number
  readonly judged: (program: Judged) => void
  readonly isOver: () => boolean
}

/** All programs from `first` on; no new ones once it is over. */
export async function runPrograms(first: number, count: number, runner: Runner): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-fuzz-'))
  const plans = Array.from({ length: count }, (_, n) => planProgram(first + n, runner.kills))
  const alone = plans.filter(isKilled)
  const shared = plans.filter(plan => !isKilled(plan))
  const work: (() => Promise<void>)[] = []
  while (alone.length + shared.length > 0) {
    const together = shared.splice(0, SHARE)
    if (together.length > 0) work.push(() => runTogether(together, folder, runner))
    for (const plan of alone.splice(0, SHARE / 2)) work.push(() => runKilled(plan, folder, runner))
  }
  const lane = async (): Promise<void> => {
    for (let next = work.shift(); next !== undefined && !runner.isOver(); next = work.shift()) await next()
  }
  await Promise.all(Array.from({ length: runner.jobs }, lane))
  return folder
}

function isKilled({ lives }: ProgramPlan): boolean {
  return lives.some(({ kill }) => kill !== null)
}

/** Programs one after the other in a process; if that ends before them, the rest has another. */
async function runTogether(plans: readonly ProgramPlan[], folder: string, runner: Runner): Promise<void> {
  let left = plans.map(({ seed }) => seed)
  while (left.length > 0 && !runner.isOver()) {
    const told = (line: string): void => {
      const [word, seed] = line.split(' ')
      if (word !== 'end') return
      left = left.filter(one => one !== Number(seed))
      finish(Number(seed), folder, runner, null)
    }
    const how = await child({ seeds: left, kills: runner.kills, life: null, folder }, told, null)
    if (left.length === 0) return
    const broken = left.shift() as number
    finish(broken, folder, runner, how)
  }
}

/** The lives of a program, each in a process of its own. */
async function runKilled(plan: ProgramPlan, folder: string, runner: Runner): Promise<void> {
  const { seed, lives } = plan
  for (const [life, { kill }] of lives.entries()) {
    let hasEnded = false
    const told = (line: string): void => {
      if (line === `end ${seed}`) hasEnded = true
    }
    const how = await child({ seeds: [seed], kills: true, life, folder }, told, kill)
    if (how === 'SIGKILL') write(folder, seed, { e: 'killed', life })
    else if (!hasEnded) {
      finish(seed, folder, runner, how)
      return
    }
  }
  finish(seed, folder, runner, null)
}

/** Resolves with how the process ended: by which signal, or with what it said last. */
function child(job: ChildJob, told: (line: string) => void, kill: KillPlan | null): Promise<string> {
  const started: ChildProcess = spawn(process.execPath, [CHILD, JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let trouble = ''
  let heardMs = performance.now()
  started.stderr?.on('data', bytes => {
    trouble = `${trouble}${bytes}`.slice(-2_000)
  })
  createInterface({ input: started.stdout as NodeJS.ReadableStream }).on('line', line => {
    heardMs = performance.now()
    told(line)
    if (line === 'opened' && kill !== null && 'afterMs' in kill) setTimeout(() => started.kill('SIGKILL'), kill.afterMs)
  })
  let isSilent = false
  const watch = setInterval(() => {
    const silentMs = performance.now() - heardMs
    if (silentMs < SILENCE_MS || silentMs < SILENCE_MS * slowness()) return
    isSilent = true
    started.kill('SIGKILL')
  }, 1_000)
  return new Promise(resolve => {
    started.once('close', (code, signal) => {
      clearInterval(watch)
      resolve(isSilent ? `it said nothing for ${SILENCE_MS} ms` : (signal ?? `it ended with code ${code}: ${trouble}`))
    })
  })
}

function write(folder: string, seed: number, event: FuzzEvent): void {
  appendFileSync(join(folder, `${seed}.ndjson`), `${JSON.stringify(event)}\n`)
}

/** Judges a program; `broken`: how its process ended before it. What is sound is not kept. */
function finish(seed: number, folder: string, { judged }: Runner, broken: string | null): void {
  const history = join(folder, `${seed}.ndjson`)
  const events = existsSync(history) ? readHistory(history) : []
  const findings = [...(broken === null ? [] : [`its process broke off: ${broken}`]), ...judge(events)]
  const calls = new Map<string, number>()
  let [records, hands, kills] = [0, 0, 0]
  for (const event of events) {
    if (event.e === 'returned') calls.set(event.what, (calls.get(event.what) ?? 0) + 1)
    else if (event.e === 'sent') records++
    else if (event.e === 'hand') hands++
    else if (event.e === 'killed') kills++
  }
  judged({ seed, findings, features: featuresOf(events), calls, records, hands, kills, history })
  if (findings.length > 0) return
  rmSync(history, { force: true })
  rmSync(join(folder, `${seed}`), { recursive: true, force: true })
}
