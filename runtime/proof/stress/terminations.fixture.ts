/**
 * One broker under load whose threads are ended again and again, each at a chosen moment of its work.
 *
 * Four handler threads and one or two partition hosts; each thread has a killer of its own, and now and then the whole run
 * is stopped while its threads are killed, and another begins. Rejected records keep dead letters under way. Judged as
 * kills.fixture.ts does: the log, every partition's deliveries, dead letters, and what is still held afterwards.
 */
import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { openBroker, sessions } from '../../api/broker.ts'
import { runNumbers } from '../../api/opened-run.ts'
import type { Session } from '../../embedded/session.ts'
import { FAULT_POINT, type FaultPoint, type Phase } from '../../wire/layout.ts'
import type { Delivery } from '../../words/delivery.ts'
import type { Run } from '../../words/run.ts'
import type { Topic } from '../../words/topic.ts'
import { audit, keyOf, Load, openResources, settledCensus } from './kills.fixture.ts'
import { judge, Ledger } from './ledger.fixture.ts'
import type { LedgerHandlerData } from './ledger-handler.fixture.ts'
import { judgeJournal, judgeUnfinished, type RecordedFacts } from './recorded-history.fixture.ts'
import { Recorder } from './recorder.fixture.ts'
import { within } from './within.fixture.ts'

const HANG_MS = 60_000
const THREADS = 4
const PARTITIONS = 8
const REJECT_EACH = 29
/** The default: no handler here takes nearly as long. */
const HANDLER_TIMEOUT_MS = 30_000
const JOURNAL_ENTRIES = 2_000_000

/** The group `work` of the topic, as it is recorded. */
const FACTS = {
  topic: 'orders',
  group: 'work',
  attempts: Number.POSITIVE_INFINITY,
  handlerTimeoutMs: HANDLER_TIMEOUT_MS,
  deadLetterTopic: 'dead',
  keyOf,
} as const

/** What is ended, and when: a handler thread in a phase, or a partition host at a point of its work. */
export type Moment = Phase | 'random' | Exclude<FaultPoint, 'none'>

export const MOMENTS: readonly Moment[] = [
  'starting',
  'idle',
  'executing',
  'committing',
  'stopping',
  'random',
  'beforeCommit',
  'betweenWindowAndRing',
  'betweenRingAndReceipt',
  'betweenDeadLetterAndVerdict',
  'betweenVerdictAndRelease',
  'beforeCharge',
  'betweenChargeAndAnswer',
]

const HANDLER_MOMENTS = ['starting', 'idle', 'executing', 'committing', 'stopping'] as const

export type Counts = Record<Moment, number>

/** Says what should be ended next, of handler threads or of partition hosts; null: enough. */
export interface Wanted {
  handler(): Exclude<Phase, 'stopping'> | null
  host(): 'random' | Exclude<FaultPoint, 'none'> | null
  /** Nothing was ended at the moment that was asked for. */
  missed(moment: Moment): void
  /** Whether a run should be stopped, and its threads ended in the middle of that. */
  stops(): boolean
}

export interface RoundReport {
  readonly problems: readonly string[]
  readonly counts: Counts
  readonly handlerPausesMs: readonly number[]
  readonly hostPausesMs: readonly number[]
  readonly published: number
  /** What was held before and after the terminations. */
  readonly held: Readonly<Record<string, readonly [number, number]>>
}

export function noCounts(): Counts {
  return Object.fromEntries(MOMENTS.map(moment => [moment, 0])) as Counts
}

function count(folder: string): number {
  return process.platform === 'linux' ? readdirSync(folder).length : 0
}

function listeners(): number {
  return process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)
}

class Round {
  readonly counts: Counts = noCounts()
  readonly handlerPausesMs: number[] = []
  readonly hostPausesMs: number[] = []
  readonly #session: Session
  readonly #topic: Topic<number>
  readonly #ledger: Ledger
  readonly #load: Load
  readonly #wanted: Wanted
  readonly #hosts: number
  /** Partition hosts that are to be ended at a point that they have not reached. */
  #aiming = 0

  constructor(session: Session, topic: Topic<number>, ledger: Ledger, load: Load, wanted: Wanted, hosts: number) {
    this.#session = session
    this.#topic = topic
    this.#ledger = ledger
    this.#load = load
    this.#wanted = wanted
    this.#hosts = hosts
  }

  async start(): Promise<Run> {
    const data: LedgerHandlerData = {
      buffer: this.#ledger.buffer,
      journal: this.#load.recorder.journal.buffer,
      partitions: PARTITIONS,
      busyUs: 10,
      awaitEach: 50,
      rejectEach: REJECT_EACH,
      stopMs: 2,
    }
    return this.#topic.group('work').run({
      handler: new URL('./ledger-handler.fixture.js', import.meta.url),
      threads: THREADS,
      data,
      attempts: Number.POSITIVE_INFINITY,
      deadLetter: 'dead',
      backoff: { initialMs: 1, maxMs: 5 },
      restart: { intensity: 1_000_000, periodMs: 1_000 },
    })
  }

  /** Ends threads of one run for `ms`, and then stops it. */
  async run(ms: number): Promise<void> {
    const run = await within(HANG_MS, 'the start of a run', this.start())
    const until = performance.now() + ms
    const number = runNumbers.get(run) as number
    const killers = Array.from({ length: THREADS }, (_, index) => this.#killHandlers(number, index, until))
    const hostKillers = Array.from({ length: this.#hosts }, (_, host) => this.#killHosts(host, until))
    await Promise.all([...killers, ...hostKillers])
    this.#load.recorder.stopping()
    if (this.#wanted.stops()) {
      const killed = Array.from({ length: THREADS }, (_, index) => this.#kill(number, index, 'stopping'))
      await within(HANG_MS, 'stop of a run whose threads are killed', run.stop())
      await Promise.all(killed)
    } else await within(HANG_MS, 'stop of a run', run.stop())
  }

  async #kill(run: number, index: number, aim: Phase | 'any'): Promise<boolean> {
    const killed = this.#session.ask(control => control.killHandler(run, index, aim))
    const report = await within(HANG_MS, `killing a handler that is ${aim}`, killed)
    if (report === null) return false
    this.counts[report.phase]++
    return true
  }

  async #killHandlers(run: number, index: number, until: number): Promise<void> {
    // A host charges a handler's death: without deaths it would wait at its points around that for ever.
    while (performance.now() < until || this.#aiming > 0) {
      const aim = this.#wanted.handler() ?? (this.#aiming > 0 ? 'executing' : null)
      if (aim === null) return
      // A thread starts when the last one was killed.
      if (aim === 'starting') {
        await this.#kill(run, index, 'any')
        await sleep(Math.random() * 20)
      }
      if (!(await this.#kill(run, index, aim))) {
        this.#wanted.missed(aim)
        continue
      }
      await this.#goesOn(this.handlerPausesMs)
    }
  }

  /** Until each partition has had another delivery. */
  async #goesOn(pauses: number[]): Promise<void> {
    const counts = (): number[] => Array.from({ length: PARTITIONS }, (_, partition) => this.#ledger.count(partition))
    const before = counts()
    const since = performance.now()
    while (counts().some((now, partition) => now === before[partition])) {
      if (performance.now() - since > HANG_MS) throw new Error(`a partition stood still for ${HANG_MS} ms`)
      await sleep(1)
    }
    pauses.push(performance.now() - since)
  }

  async #killHosts(host: number, until: number): Promise<void> {
    while (performance.now() < until) {
      await sleep(Math.random() * 100)
      const point = this.#wanted.host()
      if (point === null) return
      this.#aiming++
      const asked = this.#session.ask(control =>
        control.killPartitionHost(host, point === 'random' ? 0 : FAULT_POINT[point]),
      )
      const killed = await within(HANG_MS, `killing a partition host at ${point}`, asked)
      this.#aiming--
      if (!killed) {
        this.#wanted.missed(point)
        continue
      }
      this.counts[point]++
      const before = this.#load.acked
      const since = performance.now()
      while (this.#load.acked === before && performance.now() - since < HANG_MS) await sleep(1)
      this.hostPausesMs.push(performance.now() - since)
    }
  }
}

/** Ends threads of one broker, with `hosts` partition hosts, until `ms` have passed. */
export async function terminate(wanted: Wanted, ms: number, hosts: number): Promise<RoundReport> {
  const outside = {
    fds: count('/proc/self/fd'),
    threads: count('/proc/self/task'),
    listeners: listeners(),
    resources: openResources(),
  }
  const broker = await openBroker({
    partitionThreads: hosts,
    restart: { intensity: 1_000_000, periodMs: 1_000 },
    logger: false,
  })
  const session = sessions.get(broker) as Session
  const topic = await broker.topic<number>('orders', {
    partitions: PARTITIONS,
    windowBytes: 131_072,
    maxMessageBytes: 4_096,
  })
  const ledger = new Ledger(PARTITIONS)
  const recorder = new Recorder(JOURNAL_ENTRIES)
  const load = new Load(topic, { batch: 16, restMs: 4 }, recorder)
  const { problems } = load
  const round = new Round(session, topic, ledger, load, wanted, hosts)
  const held: Record<string, readonly [number, number]> = {}
  try {
    const auditing = await audit(topic.group('audit'), load)
    // Once without a death, so that all is there that stays.
    const first = await round.start()
    recorder.stopping()
    await first.stop()
    const letters: Delivery<unknown>[] = []
    const dead = await broker.topic<number>('dead', { partitions: PARTITIONS })
    const reading = await dead.group('r').handle(letter => {
      letters.push(letter)
      recorder.letter(letter, letter.value)
    })
    recorder.sample(topic, 'work')
    const before = await settledCensus(session)
    const publishing = load.run()
    for (const until = performance.now() + ms; performance.now() < until; ) await round.run(Math.min(4_000, ms))
    load.going = false
    // Without a run the window stays full.
    const last = await round.start()
    await within(HANG_MS, 'the last publish call', publishing)
    for (const until = performance.now() + HANG_MS; load.outstanding > 0 && performance.now() < until; ) await sleep(5)
    if (load.outstanding > 0) problems.push(`${load.outstanding} publishes never settled`)
    await within(HANG_MS, 'idle of the audit', auditing.idle())
    await within(HANG_MS, 'idle of the last run', last.idle())
    recorder.stopping()
    await within(HANG_MS, 'stop of the last run', last.stop())
    await within(HANG_MS, 'idle of the reader', reading.idle())
    const after = await settledCensus(session)
    for (const field of ['blocks', 'usedBytes', 'threads'] as const)
      held[`${field} of the broker`] = [before[field], after[field]]
    await recorder.endSampling()
    await recorder.look(topic, 'work')
    const { lag } = await topic.group('work').stats()
    const facts: RecordedFacts = { ...FACTS, readInFull: true, drained: lag === 0 }
    const handlerKills = HANDLER_MOMENTS.reduce((sum, moment) => sum + round.counts[moment], 0)
    problems.push(...judgeJournal(recorder.journal, facts, handlerKills))
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const log = load.log[partition] as number[]
      const wantedDead = log.flatMap((value, offset) => (value % REJECT_EACH === 0 ? [offset] : []))
      const mine = letters.filter(({ headers }) => Number(headers['millrace-partition']) === partition)
      const found = mine.map(({ headers }) => Number(headers['millrace-offset'])).sort((a, b) => a - b)
      if (JSON.stringify(found) !== JSON.stringify(wantedDead))
        problems.push(
          `partition ${partition}: ${found.length} dead letters of ${wantedDead.length} rejected records, or not those`,
        )
      problems.push(...judge(ledger, partition, log, new Set(wantedDead)))
    }
    if (lag !== 0) problems.push(`lag ${lag}`)
    await reading.stop()
    await auditing.stop()
  } catch (error) {
    problems.push((error as Error).stack ?? String(error))
    load.going = false
    void recorder.endSampling()
    problems.push(...judgeUnfinished(recorder.journal, FACTS))
  }
  await broker.close({ timeoutMs: 10_000 }).catch((error: Error) => problems.push(error.message))
  await sleep(100)
  const now = {
    fds: count('/proc/self/fd'),
    threads: count('/proc/self/task'),
    listeners: listeners(),
    resources: openResources(),
  }
  for (const [field, was] of Object.entries(outside)) held[field] = [was, now[field as keyof typeof now]]
  const { counts, handlerPausesMs, hostPausesMs } = round
  problems.splice(10)
  return { problems, counts, handlerPausesMs, hostPausesMs, published: load.acked, held }
}
