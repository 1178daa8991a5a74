/**
 * Runs one seed from its first step to its last, and judges what was seen.
 */
import { DURABILITY_RULES } from '../history/durability-rules.ts'
import { GROUP_RULES } from '../history/group-rules.ts'
import type { History } from '../history/history.ts'
import { LETTER_RULES } from '../history/letter-rules.ts'
import { QUEUE_COUNT_RULES } from '../history/queue-count-rules.ts'
import { QUEUE_ID_RULES } from '../history/queue-id-rules.ts'
import { QUEUE_KEY_RULES } from '../history/queue-key-rules.ts'
import { QUEUE_LIVES_RULES } from '../history/queue-lives-rules.ts'
import { QUEUE_ORDER_RULES } from '../history/queue-order-rules.ts'
import { QUEUE_RULES } from '../history/queue-rules.ts'
import { QUEUE_TIME_RULES } from '../history/queue-time-rules.ts'
import { remaining } from '../history/remaining.ts'
import { STATE_RULES } from '../history/state-rules.ts'
import { STREAM_RULES } from '../history/stream-rules.ts'
import { Chance } from './chance.ts'
import { share } from './clone.ts'
import type { ExchangeSight } from './exchange-sights.ts'
import { Findings } from './findings.ts'
import { Injector } from './injector.ts'
import { Lab } from './lab.ts'
import { watchLooks } from './late-finds.ts'
import type { SleepWatch } from './late-judge.ts'
import { Lives } from './lives.ts'
import { type FaultKind, type Plan, planOf } from './plan.ts'
import { ProcessDisk } from './process-disk.ts'
import { queueDurabilitiesOf } from './queue-disk-plan.ts'
import { queueHandler } from './queue-members.ts'
import { groupFactsOf, queueFactsOf, queuePlansOf } from './queue-plan.ts'
import { type QueueSight, queueSights } from './queue-sights.ts'
import { type RequestSight, requestSights } from './request-sights.ts'
import { ASKS } from './request-work.ts'
import { drainMicrotasks, Scheduler, Stopped } from './scheduler.ts'
import { SEED_PARTS, type SeedPart } from './seed-parts.ts'
import { SharedBytes, watchArena } from './sim-memory.ts'
import type { SimPort } from './sim-port.ts'
import { enter, install, type Simulated } from './sim-world.ts'
import { type TickSight, tickSights } from './tick-sights.ts'
import { watchMemory } from './watched-memory.ts'

export interface Verdict {
  readonly seed: number
  readonly hash: number
  readonly inputs: number
  readonly inputsByKind: readonly number[]
  readonly parts: readonly SeedPart[]
  readonly virtualMs: number
  readonly faults: ReadonlyMap<FaultKind, number>
  readonly queueSights: readonly QueueSight[]
  readonly exchangeSights: readonly ExchangeSight[]
  readonly requestSights: readonly RequestSight[]
  readonly tickSights: readonly TickSight[]
  /** Rules that were broken, in words. */
  readonly problems: readonly string[]
  readonly history: History
  readonly plan: Plan
}

const MEMORY_BYTES = 32 << 20
/** A seed that goes on for longer, in its own time, hangs. */
const VIRTUAL_MS_MAX = 600_000
const INPUTS_MAX = 200_000
/** Problems of one judge that are told. */
const JUDGED_MAX = 5

/** What keeps partition hosts from writing group states down in time. */
const HOLD_UP: readonly FaultKind[] = [
  'hostDeath',
  'hostDeathAtPoint',
  'pausedThread',
  'pausedProcess',
  'stall',
  'clockJump',
]

/** Shares of steps that overlap with the next one. In half of the seeds none does: a step costs more then. */
const OVERLAP_SHARES = [0, 0, 0.03, 0.2]

let buffer: ArrayBuffer | null = null
let saved: Uint8Array | null = null
let kept: Int32Array | null = null
let current: Scheduler | null = null
let sleeps: SleepWatch | null = null
/** Of the seed that runs. */
let lab: Lab | null = null

function prepare(): ArrayBuffer {
  if (buffer === null) {
    install()
    watchArena()
    watchMemory(sight => lab?.saw(sight))
    sleeps = watchLooks(() => lab)
    buffer = new ArrayBuffer(MEMORY_BYTES)
    share(buffer)
    saved = new Uint8Array(MEMORY_BYTES)
    kept = new Int32Array(MEMORY_BYTES / 4)
    // Stacks depend on where the files are, and dead letters hold them.
    Error.stackTraceLimit = 0
    process.on('unhandledRejection', error => {
      const thread = current?.current
      if (error instanceof Stopped || current === null || current.over || thread == null) return
      current.threw(thread, error)
    })
  }
  return buffer
}

export function simulate(seed: number, trace: ((line: string) => void) | null = null): Verdict {
  const bytes = prepare()
  const chance = new Chance(seed)
  const plan = planOf(seed, chance)
  const overlaps = new Chance(~seed)
  const scheduler = new Scheduler(chance, overlaps)
  current = scheduler
  scheduler.trace = trace
  if (sleeps !== null) {
    scheduler.onSleep = sleeps.begin
    scheduler.onRing = sleeps.rung
  }
  const shared = new SharedBytes(bytes, saved as Uint8Array, kept as Int32Array, scheduler)
  scheduler.memory = shared
  const seen = new Lab(scheduler)
  scheduler.overlapShare = overlaps.pick(OVERLAP_SHARES)
  scheduler.onOverlap = () => seen.saw('overlap')
  lab = seen
  const ports: SimPort[] = []
  const disk = new ProcessDisk(scheduler, plan.disk?.syncMs ?? 0)
  disk.onFailure = () => seen.record({ kind: 'diskFailed' })
  const injector = new Injector(plan, scheduler, shared, seen, ports)
  const queues = queuePlansOf(seed, plan.faults)
  const handlers = new Map<string | undefined, object>([
    ...plan.groups.map(group => [group.name, seen.handler(group)] as const),
    ...queues.map(queue => [queue.name, queueHandler(seen, queue)] as const),
  ])
  const simulation: Simulated = {
    scheduler,
    shared,
    ports,
    wallOffsetMs: 0,
    faults: injector,
    disk,
    load: url => ({ default: handlers.get(new URL(url).search.slice(1)) }),
  }
  enter(simulation)
  const findings = new Findings(plan, queues, queueDurabilitiesOf(seed, queues, plan.disk), seen)
  if (findings.requests !== null) handlers.set(ASKS, findings.requests.handling.handler)
  const lives = new Lives(
    plan,
    seen,
    shared,
    disk,
    {
      begin: main => {
        if (plan.faults.has('startFails')) seen.startFails = 0.4
        injector.begin(main, simulation)
      },
      end: () => {
        injector.end()
        seen.startFails = 0
      },
    },
    findings,
  )
  lives.start()
  const ended = scheduler.run(
    () => lives.isOver || scheduler.inputs > INPUTS_MAX || scheduler.broken.length > 0,
    VIRTUAL_MS_MAX,
  )
  scheduler.over = true
  for (const port of ports) port.dispose()
  enter(null)
  // What is left of it must not go on in the next one.
  drainMicrotasks()
  scheduler.dispose()
  sleeps?.forget()
  const isPrompt = !HOLD_UP.some(fault => plan.faults.has(fault))
  const history: History = {
    events: seen.events,
    groups: [...findings.facts, ...queues.map(queue => groupFactsOf(queue))],
    queues: queues.map(queue =>
      // A host that waits for its disk takes nothing back meanwhile.
      queueFactsOf(queue, !plan.faults.has('clockJump'), !isPrompt || plan.disk !== null),
    ),
    readTopics: ['in', 'out'],
    drained: findings.drained,
    stored: findings.stored,
    rates:
      plan.publishRate === undefined
        ? []
        : [{ ...plan.publishRate, topic: 'in', producers: plan.producers.map(({ name }) => name) }],
    isPrompt,
  }
  const routed = findings.exchanges?.oracle.problems ?? []
  const asked = findings.requests?.judge.problems ?? []
  const ticked = findings.ticks?.judge.problems ?? []
  const problems = [
    ...scheduler.broken,
    ...findings.problems,
    ...routed.map(problem => `Q9: ${problem}`),
    ...asked.slice(0, JUDGED_MAX),
    ...ticked.slice(0, JUDGED_MAX),
  ]
  if (!ended || !lives.isOver)
    problems.push(
      `it does not end: at ${Math.round(scheduler.now)} ms, after ${scheduler.inputs} inputs, ${lives.said}`,
    )
  else {
    for (const rule of DURABILITY_RULES) problems.push(...rule(history))
    const kept = remaining(history)
    const ofStreams = [...STREAM_RULES, ...GROUP_RULES, ...STATE_RULES, ...LETTER_RULES]
    for (const rule of [
      ...ofStreams,
      ...QUEUE_RULES,
      ...QUEUE_LIVES_RULES,
      ...QUEUE_COUNT_RULES,
      ...QUEUE_ORDER_RULES,
      ...QUEUE_ID_RULES,
      ...QUEUE_KEY_RULES,
      ...QUEUE_TIME_RULES,
    ])
      problems.push(...rule(kept))
  }
  const has: Readonly<Record<SeedPart, boolean>> = {
    exchanges: findings.exchanges !== null,
    requests: findings.requests !== null,
    schedules: findings.ticks !== null,
    disk: plan.disk !== null,
  }
  return {
    seed,
    parts: SEED_PARTS.filter(part => has[part]),
    hash: scheduler.hash >>> 0,
    inputs: scheduler.inputs,
    inputsByKind: scheduler.inputsByKind,
    virtualMs: scheduler.now,
    faults: seen.seen,
    queueSights: queueSights(seen.events, queues, seen.seen, findings.queueDurabilities),
    exchangeSights: findings.exchanges?.sights ?? [],
    requestSights: findings.requests === null ? [] : requestSights(findings.requests.judge),
    tickSights: findings.ticks === null ? [] : tickSights(findings.ticks.judge, findings.ticks.plan),
    problems,
    history,
    plan,
  }
}
