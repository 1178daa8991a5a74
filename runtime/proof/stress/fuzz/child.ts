/**
 * A process that runs programs: `node child.js JOB`, where the job is JSON (`ChildJob`).
 *
 * Lines, each in the pipe when it is said: `begin SEED`; `opened` once a life has its broker; `end SEED`. It is killed by its
 * parent, or by itself, where the plan says so. What happens in it is in the programs' histories.
 */
import { join } from 'node:path'
import { openBroker } from '../../../api/broker.ts'
import type { Broker } from '../../../words/broker.ts'
import { say } from '../say.fixture.ts'
import { Calls } from './calls.ts'
import { Life } from './life.ts'
import type { LifePlan, ProgramPlan } from './plan.ts'
import { planProgram } from './plan-program.ts'
import type { SelfKill } from './self-kill.ts'
import { Sink } from './sink.ts'

export interface ChildJob {
  readonly seeds: readonly number[]
  readonly kills: boolean
  /** Of a single program: only this life. */
  readonly life: number | null
  readonly folder: string
}

const { seeds, kills, life, folder } = JSON.parse(process.argv[2] as string) as ChildJob
const MEMORY = { memoryMaxBytes: 2_000 * 1_048_576, logger: false } as const
const JOURNAL_BYTES = 262_144

let sink: Sink | null = null
const shared: Broker[] = []

for (const what of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(what, (error: unknown) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    sink?.add({ e: 'uncaught', text: `${what}: ${text.slice(0, 2_000)}` })
    if (sink === null) throw error
  })

async function openOf(plan: ProgramPlan): Promise<Broker> {
  const { place, seed, partitionThreads } = plan
  if (place === 'memory') {
    const broker = shared[0] ?? (await openBroker(MEMORY, {}))
    shared[0] = broker
    return broker
  }
  const dir = join(folder, `${seed}`)
  return openBroker({ dir, partitionThreads, ...MEMORY }, { journalBytes: JOURNAL_BYTES })
}

async function runLife(plan: ProgramPlan, nth: number, into: Sink, history: string): Promise<void> {
  const calls = new Calls(into, nth)
  const kill = (plan.lives[nth] as LifePlan).kill
  const broker = await calls.make('createBroker', () => openOf(plan))
  if (broker instanceof Error) return
  say('opened')
  const own: SelfKill | null = kill !== null && 'hands' in kill ? kill : null
  const setting = { sink: into, calls, history, life: nth, kill: own, prefix: `s${plan.seed}.` }
  await new Life(broker, plan, setting).go()
  if (plan.place === 'memory') return
  const closed = await calls.make('close', () => broker.close())
  into.add({ e: 'closed', life: nth, clean: !(closed instanceof Error) })
}

for (const seed of seeds) {
  const plan = planProgram(seed, kills)
  const history = join(folder, `${seed}.ndjson`)
  const kill = life === null ? null : (plan.lives[life] as LifePlan).kill
  sink = new Sink(history, kill !== null && 'hands' in kill ? kill : null)
  say(`begin ${seed}`)
  const lives = life === null ? plan.lives.keys() : [life]
  for (const nth of lives) await runLife(plan, nth, sink, history)
  if (life === null || life === plan.lives.length - 1) sink.add({ e: 'end' })
  const ended = sink
  sink = null
  ended.close()
  say(`end ${seed}`)
}
await shared[0]?.close()
// A thread that does not end would be a finding of other tests: here the histories are what counts.
process.exit(0)
