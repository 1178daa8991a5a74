/**
 * A broker under load whose threads are killed: what was lost, repeated, out of order, hung or not given back.
 *
 * Two groups read one topic: `work` on handler threads that write a ledger, and `audit` on this thread, which never dies
 * and so says what is in the log. Checks: the rules of runtime/proof/history/ over all that was recorded, judge() in
 * ledger.fixture.ts, which knows how little may come again, and those named in `KillReport.problems`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { openBroker, sessions } from '../../api/broker.ts'
import { runNumbers } from '../../api/opened-run.ts'
import type { Session } from '../../embedded/session.ts'
import type { SabotageAim } from '../../wire/control-calls.ts'
import { FAULT_POINT, type FaultPoint, type Phase } from '../../wire/layout.ts'
import type { Broker } from '../../words/broker.ts'
import type { Group } from '../../words/group.ts'
import type { Run } from '../../words/run.ts'
import type { Topic } from '../../words/topic.ts'
import { judge, Ledger } from './ledger.fixture.ts'
import type { LedgerHandlerData } from './ledger-handler.fixture.ts'
import { judgeJournal, judgeUnfinished, type RecordedFacts } from './recorded-history.fixture.ts'
import { Recorder } from './recorder.fixture.ts'
import { within } from './within.fixture.ts'

const HANG_MS = 20_000
const OUTSTANDING_MAX = 20_000
/** The default: no handler here takes nearly as long. */
const HANDLER_TIMEOUT_MS = 30_000
const JOURNAL_ENTRIES = 4_000_000

export interface KillOptions {
  /** How often a handler thread is killed, and while it does what. */
  readonly handlerKills?: Partial<Readonly<Record<SabotageAim, number>>>
  readonly hostKills?: Partial<Readonly<Record<'random' | FaultPoint, number>>>
  readonly partitions?: number
  readonly threads?: number
  readonly busyUs?: number
  readonly awaitEach?: number
  readonly windowBytes?: number
  /** Messages of a batch; after each batch the publisher rests for `restMs`. */
  readonly batch?: number
  readonly restMs?: number
}

export interface KillReport {
  readonly problems: readonly string[]
  readonly published: number
  readonly deliveries: number
  readonly phases: Readonly<Record<string, number>>
  readonly executing: number
  /** Host kills by point, and how many times the point was not reached. */
  readonly points: Readonly<Record<string, number>>
  readonly missed: number
  /** From the kill to the next append, or until each partition has had another delivery, in ms. */
  readonly recoveryMs: readonly number[]
  readonly seconds: number
}

/** The number of the key of a message. */
export function keyOf(value: number): number {
  return value % 61
}

/** The group `work` of the topic, as it is recorded. */
const FACTS = {
  topic: 'orders',
  group: 'work',
  attempts: Number.POSITIVE_INFINITY,
  handlerTimeoutMs: HANDLER_TIMEOUT_MS,
  deadLetterTopic: null,
  keyOf,
} as const

/** Messages under way to one topic, and what is known of each. */
export class Load {
  readonly problems: string[] = []
  readonly log: number[][]
  readonly recorder: Recorder
  acked = 0
  next = 1
  outstanding = 0
  going = true
  readonly #topic: Topic<number>
  readonly #options: Pick<KillOptions, 'batch' | 'restMs'>

  constructor(topic: Topic<number>, options: Pick<KillOptions, 'batch' | 'restMs'>, recorder: Recorder) {
    this.#topic = topic
    this.recorder = recorder
    this.#options = options
    this.log = Array.from({ length: topic.partitions }, () => [])
  }

  #settles(count: number, promise: Promise<unknown>): void {
    this.outstanding += count
    promise.then(
      () => {
        this.outstanding -= count
        this.acked += count
      },
      (error: Error) => {
        this.outstanding -= count
        this.problems.push(`a publish failed: ${error.message}`)
      },
    )
  }

  #message(): { readonly key: string; readonly value: number } {
    const value = this.next++
    return { key: `key-${keyOf(value)}`, value }
  }

  async run(): Promise<void> {
    const { batch = 200, restMs = 1 } = this.#options
    while (this.going) {
      if (this.outstanding < OUTSTANDING_MAX) {
        const { recorder } = this
        const first = this.next
        const messages = Array.from({ length: batch }, () => this.#message())
        recorder.sent(first, batch)
        const receipts = this.#topic.publishBatch(messages).then(() => recorder.answered(first, 'ok', { count: batch }))
        this.#settles(batch, receipts)
        const single = this.#message()
        recorder.sent(single.value)
        const receipt = this.#topic.publish(single).then(place => recorder.answered(single.value, 'ok', place))
        this.#settles(1, receipt)
      }
      await sleep(restMs)
    }
  }
}

/** Audits from the thread that is never killed. */
export function audit(group: Group<number>, load: Load): Promise<Run> {
  return group.handle(delivery => {
    const { partition, offset, value } = delivery
    load.recorder.read(delivery, value)
    const log = load.log[partition] as number[]
    log[offset] = value
  })
}

function aims<T extends string>(counts: Partial<Readonly<Record<T, number>>>): T[] {
  const list = (Object.entries(counts) as [T, number][]).flatMap(([aim, count]) => Array<T>(count).fill(aim))
  for (let at = list.length - 1; at > 0; at--) {
    const other = Math.floor(Math.random() * (at + 1))
    ;[list[at], list[other]] = [list[other] as T, list[at] as T]
  }
  return list
}

interface Killing {
  readonly phases: Record<string, number>
  readonly points: Record<string, number>
  readonly recoveryMs: number[]
  executing: number
  missed: number
}

const PHASES_KILLED: readonly Phase[] = ['starting', 'executing', 'committing', 'idle', 'stopping']

async function killHandlers(
  session: Session,
  run: number,
  ledger: Ledger,
  options: KillOptions,
  killing: Killing,
): Promise<void> {
  const counts = (): number[] => Array.from({ length: ledger.partitions }, (_, partition) => ledger.count(partition))
  const kill = async (index: number, aim: SabotageAim): Promise<void> => {
    const killed = session.ask(control => control.killHandler(run, index, aim))
    const report = await within(HANG_MS, `killing a handler that is ${aim}`, killed)
    if (report === null) {
      killing.missed++
      return
    }
    killing.phases[report.phase] = (killing.phases[report.phase] ?? 0) + 1
    if (report.executing) killing.executing++
  }
  for (const aim of aims(options.handlerKills ?? {})) {
    await sleep(Math.random() * 60)
    const index = Math.floor(Math.random() * (options.threads ?? 2))
    // A thread starts when the last one was killed.
    if (aim === 'starting') {
      await kill(index, 'any')
      await sleep(Math.random() * 40)
    }
    await kill(index, aim)
    const before = counts()
    const since = performance.now()
    while (counts().some((count, partition) => count === before[partition]) && performance.now() - since < HANG_MS)
      await sleep(1)
    killing.recoveryMs.push(performance.now() - since)
  }
}

async function killHosts(session: Session, load: Load, options: KillOptions, killing: Killing): Promise<void> {
  for (const point of aims(options.hostKills ?? {})) {
    await sleep(Math.random() * 60)
    const number = point === 'random' ? 0 : FAULT_POINT[point]
    const done = await within(
      HANG_MS,
      `killing the partition host at ${point}`,
      session.ask(control => control.killPartitionHost(0, number)),
    )
    if (!done) {
      killing.missed++
      continue
    }
    killing.points[point] = (killing.points[point] ?? 0) + 1
    // Its successor may die while it starts.
    if (point === 'random' && Math.random() < 0.5) {
      await sleep(Math.random() * 60)
      if (
        await within(
          HANG_MS,
          'killing it again',
          session.ask(control => control.killPartitionHost(0, 0)),
        )
      ) {
        killing.points.again = (killing.points.again ?? 0) + 1
      }
    }
    const before = load.acked
    const since = performance.now()
    while (load.acked === before && performance.now() - since < HANG_MS) await sleep(1)
    killing.recoveryMs.push(performance.now() - since)
  }
}

async function once(
  broker: Broker,
  topic: Topic<number>,
  ledger: Ledger,
  load: Load,
  options: KillOptions,
  killing: Killing,
): Promise<void> {
  const session = sessions.get(broker) as Session
  const auditing = await audit(topic.group('audit'), load)
  const data: LedgerHandlerData = {
    buffer: ledger.buffer,
    journal: load.recorder.journal.buffer,
    partitions: ledger.partitions,
    busyUs: options.busyUs ?? 20,
    awaitEach: options.awaitEach ?? 50,
  }
  const run = await topic.group('work').run({
    handler: new URL('./ledger-handler.fixture.js', import.meta.url),
    threads: options.threads ?? 2,
    data,
    attempts: Number.POSITIVE_INFINITY,
    deadLetter: false,
    backoff: { initialMs: 1, maxMs: 5 },
    restart: { intensity: 1_000_000, periodMs: 1_000 },
  })
  load.going = true
  const publishing = load.run()
  const number = runNumbers.get(run) as number
  try {
    await Promise.all([
      sleep(100),
      killHandlers(session, number, ledger, options, killing),
      killHosts(session, load, options, killing),
    ])
  } finally {
    load.going = false
  }
  await within(HANG_MS, 'the last publish call', publishing)
  for (const until = performance.now() + HANG_MS; load.outstanding > 0 && performance.now() < until; ) await sleep(5)
  if (load.outstanding > 0) load.problems.push(`${load.outstanding} publishes never settled`)
  await within(HANG_MS, 'idle of the audit', auditing.idle())
  await within(HANG_MS, 'idle of the run', run.idle()).catch(async (error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(await run.stats())}`)
  })
  load.recorder.stopping()
  await within(HANG_MS, 'stop of the run', run.stop())
  await within(HANG_MS, 'stop of the audit', auditing.stop())
}

/** Handles of this process, but for the pipes that printing opens. */
export function openResources(): number {
  return process.getActiveResourcesInfo().filter(name => !/^(PipeWrap|TTYWrap)$/.test(name)).length
}

/** What the broker holds, once it has stopped changing. */
export async function settledCensus(
  session: Session,
): Promise<{ readonly blocks: number; readonly usedBytes: number; readonly threads: number }> {
  await sleep(200)
  return session.ask(control => control.census())
}

export async function runKills(options: KillOptions): Promise<KillReport> {
  const since = performance.now()
  const resources = openResources()
  const killing: Killing = {
    phases: Object.fromEntries(PHASES_KILLED.map(phase => [phase, 0])),
    points: {},
    recoveryMs: [],
    executing: 0,
    missed: 0,
  }
  const broker = await openBroker({
    restart: { intensity: 1_000_000, periodMs: 1_000 },
    logger: { warn: () => undefined, error: () => undefined },
  })
  let load: Load | null = null
  let ledger: Ledger | null = null
  const recorder = new Recorder(JOURNAL_ENTRIES)
  try {
    const session = sessions.get(broker) as Session
    const topic = await broker.topic<number>('orders', {
      partitions: options.partitions ?? 4,
      windowBytes: options.windowBytes ?? 131_072,
      maxMessageBytes: 4_096,
    })
    ledger = new Ledger(topic.partitions)
    load = new Load(topic, options, recorder)
    recorder.sample(topic, 'work')
    const { problems } = load
    await once(broker, topic, ledger, load, { ...options, handlerKills: {}, hostKills: {} }, killing)
    const before = await settledCensus(session)
    await once(broker, topic, ledger, load, options, killing)
    const after = await settledCensus(session)
    for (const field of ['blocks', 'usedBytes', 'threads'] as const) {
      if (after[field] !== before[field])
        problems.push(`${field} were ${before[field]} before the kills, and ${after[field]} after them`)
    }
    await recorder.endSampling()
    await recorder.look(topic, 'work')
    const { deadLettered, lag } = await topic.group('work').stats()
    const facts: RecordedFacts = { ...FACTS, readInFull: true, drained: lag === 0 }
    const handlerKills = Object.values(killing.phases).reduce((sum, count) => sum + count, 0)
    problems.push(...judgeJournal(recorder.journal, facts, handlerKills))
    for (let partition = 0; partition < topic.partitions; partition++)
      problems.push(...judge(ledger, partition, load.log[partition] as number[]))
    if (deadLettered !== 0 || lag !== 0) problems.push(`${deadLettered} dead letters, lag ${lag}`)
    await within(HANG_MS, 'close of the broker', broker.close())
    await sleep(50)
    const left = openResources()
    if (left > resources)
      problems.push(`${left - resources} resources stayed open: ${process.getActiveResourcesInfo().join(' ')}`)
  } catch (error) {
    load?.problems.push((error as Error).stack ?? String(error))
    void recorder.endSampling()
    await broker.close({ timeoutMs: 1_000 }).catch(() => undefined)
    load?.problems.push(...judgeUnfinished(recorder.journal, FACTS))
  }
  const counted = ledger
  return {
    problems: load?.problems ?? ['no load'],
    published: load?.acked ?? 0,
    deliveries:
      counted === null
        ? 0
        : Array.from({ length: counted.partitions }, (_, partition) => counted.count(partition)).reduce(
            (a, b) => a + b,
            0,
          ),
    ...killing,
    seconds: (performance.now() - since) / 1_000,
  }
}
