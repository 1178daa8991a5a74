/**
 * The application of a simulation: it publishes, consumes in all ways there are, pauses, stops, joins and leaves.
 *
 * The simulated main thread, through the public API only. It writes down what it was told.
 */
import { clearTimeout, nowMs, setTimeout } from '../../../actors/world.ts'
import { openBroker } from '../../api/broker.ts'
import type { Broker } from '../../words/broker.ts'
import type { ErrorCode } from '../../words/error-codes.ts'
import { isMillraceError } from '../../words/errors.ts'
import type { Group } from '../../words/group.ts'
import type { Run } from '../../words/run.ts'
import type { Topic } from '../../words/topic.ts'
import { Audits } from './audits.ts'
import type { LifePlan } from './disk-plan.ts'
import { ExchangeWork } from './exchange-work.ts'
import { fillLetters } from './filled-letters.ts'
import { type Findings, lettersOf } from './findings.ts'
import { givenUp } from './given-up.ts'
import { Growing } from './growing.ts'
import type { Lab, Value } from './lab.ts'
import type { LifeFaults } from './life-faults.ts'
import { Members } from './members.ts'
import { NamedProducing } from './named-producing.ts'
import type { GroupPlan, Plan } from './plan.ts'
import type { ProcessDisk } from './process-disk.ts'
import { inRound, produce, sleep } from './producers.ts'
import { QUEUE_TUNING } from './queue-disk-plan.ts'
import { QueueWork } from './queue-work.ts'
import { RequestWork } from './request-work.ts'
import type { SimThread } from './scheduler.ts'
import { TickWork } from './tick-work.ts'

/** On the simulated disk. */
const DIR = '/data'
const FOR_EVER_MS = 2 ** 31 - 1
/** What a broker may answer whose disk has failed. */
const FAILED_CODES: readonly ErrorCode[] = ['MILL_DISK', 'MILL_UNPUBLISHED', 'MILL_CLOSED', 'MILL_GAVE_UP']
/** After so long the application and the faults leave the broker alone, until all is published. */
const BUSY_MS = 2_500
/** A group that has more to settle, and has settled and charged nothing for so long in the simulation's time, hangs. */
const STILL_MS = 30_000
/** A group that stands still for want of room for its letters says so within five seconds, and has had a moment more. */
const TOLD_WITHIN_MS = 6_000
/** It goes on publishing until the simulation has had so many inputs; what follows has some more. */
const INPUTS_MIN = 950

/** The process in which the application runs. */
export interface Upcalls {
  readonly life: number
  /** Null: it is the last one. */
  readonly plan: LifePlan | null
  readonly disk: ProcessDisk
  readonly faults: LifeFaults
  readonly main: SimThread
}

export class Workload {
  readonly #plan: Plan
  readonly #lab: Lab
  readonly #findings: Findings
  readonly #around: Upcalls
  readonly #audits: Audits
  readonly #members: Members
  readonly #growing: Growing
  readonly #queues: QueueWork
  readonly #exchanges: ExchangeWork | null
  readonly #requests: RequestWork | null
  readonly #ticks: TickWork | null
  /** Topics of dead letters that were told to be full. */
  readonly #stalled = new Set<string>()
  #broker: Broker | null = null
  #producing = true
  /** Its broker has closed in good order. */
  isClosed = false
  #isClosing = false

  constructor(plan: Plan, lab: Lab, findings: Findings, around: Upcalls) {
    this.#plan = plan
    this.#lab = lab
    this.#findings = findings
    this.#around = around
    const told = {
      isGone: (error: unknown) => this.#isGone(error),
      failed: (error: unknown, what: string) => this.failed(error, what),
      problem: (what: string) => this.#problem(what),
      retrying: (start: () => Promise<void>) => this.#members.retrying(start),
      isProducing: () => this.#producing,
      isOver: () => lab.closing || this.#broker?.closed === true,
      broker: () => this.#broker as Broker,
      diskFailed: (error: unknown) => this.#diskFailed(error),
    }
    this.#members = new Members(plan, lab, around.main, told)
    this.#growing = new Growing(lab, findings.counts, told)
    this.#queues = new QueueWork(findings.queues, lab, plan.faults.has('doubleSettle'), findings, told)
    const { exchanges } = findings
    const isHeard = (): boolean => around.main.state === 'alive' && !lab.closing
    this.#exchanges =
      exchanges === null
        ? null
        : new ExchangeWork(lab, exchanges, plan.disk !== null, { ...told, isHeard, hosts: () => this.#hosts })
    const { requests, ticks } = findings
    this.#ticks = ticks === null ? null : new TickWork(lab, ticks, { ...told, isHeard })
    this.#requests = requests === null ? null : new RequestWork(lab, requests, { ...told, isHeard })
    this.#audits = new Audits(lab, told)
  }

  #problem(what: string): void {
    // What a thread that has stopped says as it unwinds, nobody hears.
    if (this.#around.main.state === 'alive') this.#findings.problems.push(what)
  }

  /** Something did not work, which it may not where the disk does: then the error says what it is. */
  failed(error: unknown, what: string): void {
    if (this.#diskFailed(error)) return
    this.#problem(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }

  #diskFailed(error: unknown): boolean {
    return this.#around.disk.hasFailed && FAILED_CODES.some(code => isMillraceError(error, code))
  }

  /** Everything from the first call to the last. */
  async live(): Promise<void> {
    const { life, plan, faults, main } = this.#around
    const broker = await this.#open()
    this.#broker = broker
    const isProducing = (): boolean => this.#producing
    // While all else is opened: many processes end before that is done.
    const routing = this.#exchanges?.live(life, isProducing, plan === null)
    routing?.catch(() => undefined)
    const asking = this.#requests?.live(life, isProducing)
    asking?.catch(() => undefined)
    const ticking = this.#ticks?.live(life, isProducing)
    ticking?.catch(() => undefined)
    broker.on('passedOver', ({ group, topic, partition, from, to }) =>
      this.#lab.record({ kind: 'passedOver', group, topic, partition, from, to }),
    )
    broker.on('stalled', ({ deadLetterTopic }) => {
      if (deadLetterTopic !== null) this.#stalled.add(deadLetterTopic)
    })
    const [source, out] = await this.#topics(broker)
    if (life > 0 && this.#plan.disk !== null) {
      this.said = 'looking at what is left'
      await this.#lookAgain(broker, source, out)
    }
    await this.#audits.read(source)
    const outputs = await this.#audits.read(out)
    for (const group of this.#plan.groups) await this.#openGroup(source, group)
    await this.#queues.open(this.#audits, life, () => this.#producing)
    faults.begin(main)
    this.said = 'producing'
    const others = Promise.all([
      this.#sample(source),
      this.#members.operate(source, isProducing),
      this.#queues.go(isProducing),
      routing,
      asking,
      ticking,
      this.#plan.faults.has('slowOutput') ? this.#hold(outputs) : undefined,
      this.#plan.faults.has('morePartitions') ? this.#growing.grow([source, out]) : undefined,
    ])
    // Should the broker fail while they are at it, that is heard below.
    others.catch(() => undefined)
    const quiet = (): void => {
      this.#producing = false
      faults.end()
    }
    const busy = setTimeout(quiet, plan === null ? BUSY_MS : plan.end === 'closed' ? plan.afterMs : FOR_EVER_MS)
    await this.#produce(broker, source)
    clearTimeout(busy)
    quiet()
    this.said = 'waiting for the operator'
    await others
    if (plan === null) {
      this.said = 'draining'
      await this.#queues.drain()
      await this.#exchanges?.drain()
      await this.#requests?.drain()
      await this.#ticks?.drain()
      await this.#drain(source, out)
      this.#lab.closing = true
    }
    this.said = 'closing'
    this.#isClosing = true
    this.#queues.closes()
    this.#requests?.closes()
    this.#ticks?.closes()
    await broker.close({ timeoutMs: 60_000 }).then(
      () => {
        this.isClosed = true
        this.#requests?.closed()
      },
      (error: unknown) => {
        // It lists what was not in good order.
        const { disk } = this.#around
        if (!disk.hasFailed || !isMillraceError(error, 'MILL_TIMEOUT')) this.failed(error, 'close')
      },
    )
  }

  get #hosts(): number {
    const { disk, partitionThreads } = this.#plan
    return disk === null ? partitionThreads : (disk.hosts[this.#around.life] as number)
  }

  async #open(): Promise<Broker> {
    const { disk } = this.#plan
    // Partition hosts die on a disk that fails for good, until the broker gives up.
    const intensity = this.#around.plan?.failure == null ? 1_000 : 40
    const options = { logger: false, restart: { intensity, periodMs: 10_000 } } as const
    if (disk === null) return openBroker({ ...options, partitionThreads: this.#hosts })
    const { journalBytes, memory } = disk
    return openBroker(
      { ...options, partitionThreads: this.#hosts, dir: DIR },
      { journalBytes, memory, ...QUEUE_TUNING },
    )
  }

  async #topics(broker: Broker): Promise<readonly [Topic<Value>, Topic<Value>]> {
    const { disk, partitions, onFull, publishRate, groups } = this.#plan
    const segments = { segmentBytes: 65_536 }
    const source = await broker.topic<Value>('in', {
      partitions: await this.#growing.countOf(broker, 'in', partitions),
      maxMessageBytes: 16_384,
      windowBytes: 65_536,
      onFull,
      publishRate,
      groups: ['audit', ...groups.filter(({ named }) => named).map(({ name }) => name)],
      ...(disk === null
        ? {}
        : {
            durability: disk.durability,
            ...segments,
            retentionBytes: disk.retentionBytes,
            retentionMs: Number.POSITIVE_INFINITY,
          }),
    })
    const out = await broker.topic<Value>('out', {
      partitions: await this.#growing.countOf(broker, 'out', 2),
      maxMessageBytes: 4_096,
      windowBytes: 65_536,
      groups: ['audit'],
      ...(disk === null ? {} : { durability: disk.outDurability, ...segments }),
    })
    return [source, out]
  }

  /** What is in the folder, before anything is done to it. */
  async #lookAgain(broker: Broker, source: Topic<Value>, out: Topic<Value>): Promise<void> {
    this.#lab.saw('reopened')
    const { life } = this.#around
    const letters: Topic<Value>[] = []
    for (const name of this.#findings.letterTopics)
      if (this.#findings.stored.get(name)?.durability !== 'memory') letters.push(await broker.topic<Value>(name))
    for (const topic of [source, out, ...letters]) {
      if (this.#findings.stored.get(topic.name)?.durability === 'memory') continue
      for (const { partition, logStartOffset: start, highWatermark: end } of (await topic.stats()).partitions)
        this.#lab.record({ kind: 'reopened', topic: topic.name, partition, start, end })
      await this.#audits.again(topic, life)
    }
  }

  #isGone(error: unknown): boolean {
    return this.#findings.stored.get('in')?.isRetained === true && isMillraceError(error, 'MILL_OFFSET_GONE')
  }

  async #produce(broker: Broker, source: Topic<Value>): Promise<void> {
    const { plan, disk } = this.#around
    const { scheduler } = this.#lab
    const findings = this.#findings
    const isDone = (): boolean => (plan === null ? scheduler.inputs >= INPUTS_MIN : !this.#producing)
    const named = Array.from({ length: this.#plan.disk?.named ?? 0 }, (_, index) =>
      this.#named(broker, source, `n${index}`, isDone),
    )
    for (let rounds = 0; rounds === 0 || !isDone(); rounds++) {
      const round = findings.round++
      const parts = this.#plan.producers.map(producer =>
        produce(this.#lab, this.#plan, source, inRound(producer, round), () => disk.hasFailed),
      )
      await Promise.all(parts)
      await sleep(scheduler.chance.below(plan === null ? 200 : 500))
    }
    await Promise.all(named)
    await sleep(scheduler.chance.below(300))
  }

  /** A producer that goes on where it was in the process before. */
  async #named(broker: Broker, source: Topic<Value>, name: string, isDone: () => boolean): Promise<void> {
    const mayForget = this.#plan.disk?.durability === 'os' && this.#lab.seen.has('powerCut')
    const producing = new NamedProducing(this.#lab, broker, source.name, name, this.#findings.numbered, mayForget)
    try {
      do {
        await producing.some()
        await sleep(this.#lab.scheduler.chance.below(200))
      } while (!isDone())
      await producing.finish()
    } catch (error) {
      this.failed(error, `producer ${name}`)
    }
  }

  async #openGroup(source: Topic<Value>, plan: GroupPlan): Promise<void> {
    await this.#members.open(source, plan)
    // One that the application made in its place would not be known for a topic of letters, and not grow with the source.
    if (this.#around.plan?.failure != null && !(await this.#hasLetters(source, plan))) return
    const letters = await (this.#broker as Broker).topic<Value>(lettersOf(plan), { partitions: source.partitions })
    this.#findings.letterTopics.add(letters.name)
    if (this.#plan.faults.has('fullDeadLetters')) {
      this.#lab.saw('fullDeadLetters')
      await fillLetters(this.#audits, letters)
      this.#late.push(this.#auditLater(source, plan, letters))
    } else await this.#audits.read(letters)
  }

  /** Whether the group has its topic of dead letters: a disk that fails may have kept it from being made. */
  async #hasLetters(source: Topic<Value>, plan: GroupPlan): Promise<boolean> {
    // Answered when what its members asked for is done.
    await source.group(plan.name).stats()
    return (await (this.#broker as Broker).topics()).some(({ name }) => name === lettersOf(plan))
  }

  /** Lets outputs wait for their reader, again and again: those of a topic in memory have no room then. */
  async #hold(outputs: Run): Promise<void> {
    const { chance } = this.#lab.scheduler
    try {
      while (this.#producing) {
        await outputs.pause()
        this.#lab.saw('slowOutput')
        for (const until = nowMs() + chance.below(1_500); this.#producing && nowMs() < until; ) await sleep(20)
        await outputs.resume()
        await sleep(chance.below(100))
      }
    } catch (error) {
      this.failed(error, 'holding outputs')
    }
  }

  #late: Promise<unknown>[] = []

  async #auditLater(source: Topic<Value>, plan: GroupPlan, letters: Topic<Value>): Promise<void> {
    const isLong = this.#plan.faults.has('letterWaits')
    for (let waited = 0; waited < (isLong ? 160 : 40) && (isLong || this.#producing); waited++) await sleep(50)
    try {
      if (isLong) await this.#mustBeTold(source, plan, letters)
      await this.#audits.read(letters)
    } catch (error) {
      // A process that is to end before the last one is closed when its time has come.
      if (!this.#isClosing || !isMillraceError(error, 'MILL_CLOSED')) this.failed(error, `reading ${letters.name}`)
    }
  }

  /** Nobody has read these letters for so long: a group that has given records up, and has no room for them, has said so. */
  async #mustBeTold(source: Topic<Value>, plan: GroupPlan, letters: Topic<Value>): Promise<void> {
    const { deadLettered } = await source.group(plan.name).stats()
    const durability = this.#findings.stored.get(source.name)?.durability ?? 'memory'
    const isStored = durability !== 'memory'
    const waiting = givenUp(this.#lab.events, plan, nowMs() - TOLD_WITHIN_MS, isStored) - deadLettered
    if (waiting <= 0) return
    this.#lab.saw('letterWaits')
    if (!this.#stalled.has(letters.name))
      this.#problem(
        `D3: ${waiting} letters of group ${plan.name} wait for room in ${letters.name}, and nobody was told`,
      )
  }

  /** Looks at what is said to be settled, from time to time. */
  async #sample(source: Topic<Value>): Promise<void> {
    while (this.#producing) {
      await sleep(100)
      await this.#look(source)
    }
  }

  async #look(source: Topic<Value>): Promise<void> {
    for (const { group } of this.#findings.facts) {
      const { partitions } = await source.group(group).stats()
      for (const { partition, committed } of partitions)
        this.#lab.record({ kind: 'committed', group, topic: source.name, partition, offset: committed, atMs: nowMs() })
    }
    for (const { partition, logStartOffset, usedBytes, windowBytes } of (await source.stats()).partitions) {
      if (usedBytes > windowBytes * 0.9) this.#lab.saw('fullWindow')
      if (logStartOffset > 0 && this.#findings.stored.get('in')?.isRetained === true) this.#lab.saw('retention')
      this.#lab.record({ kind: 'logStart', topic: source.name, partition, offset: logStartOffset })
    }
  }

  /** What it is at, should it never end. */
  said = 'starting'

  /** Waits until everything is settled, also what dead letters and outputs became. */
  async #drain(source: Topic<Value>, out: Topic<Value>): Promise<void> {
    await Promise.all(this.#late)
    for (const { group } of this.#findings.facts) {
      if (!(await this.#settlesAll(source.group(group)))) return
      this.#findings.drained.push(`${group} of ${source.name}`)
    }
    await this.#look(source)
    for (const topic of [source, out]) await this.#settlesAll(topic.group('audit'))
    for (const { deadLetterTopic } of this.#findings.facts) {
      const letters = await (this.#broker as Broker).topic<Value>(deadLetterTopic as string)
      await this.#settlesAll(letters.group('audit'))
    }
  }

  /** Waits for that, for as long as the group gets anywhere; whether it did. */
  async #settlesAll(group: Group<Value>): Promise<boolean> {
    let last = ''
    let since = nowMs()
    for (;;) {
      const stats = await group.stats()
      if (stats.lag === 0) return true
      const now = `${stats.lag} ${stats.failures} ${stats.deadLettered}`
      if (now !== last) since = nowMs()
      else if (nowMs() - since > STILL_MS) {
        this.#problem(`A5: group ${group.name} is not drained: ${JSON.stringify(stats)}`)
        return false
      }
      last = now
      await sleep(500)
    }
  }
}
