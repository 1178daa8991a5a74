/**
 * The application of a simulation: it publishes, consumes in all ways there are, pauses, stops, joins and leaves.
 *
 * The simulated main thread, through the public API only. It writes down what it was told.
 */
import { clearTimeout, nowMs, setTimeout } from '../../actors/world.ts'
import { openBroker } from '../broker.ts'
import { type ErrorCode, isMillraceError } from '../errors.ts'
import type { Broker, Group, Run, Topic } from '../types.ts'
import { Audits } from './audits.ts'
import { catchUp } from './catching-up.ts'
import { type Consuming, ManualConsumers } from './consumers.ts'
import type { LifePlan } from './disk-plan.ts'
import { type Findings, lettersOf } from './findings.ts'
import type { Lab, Value } from './lab.ts'
import type { LifeFaults } from './lives.ts'
import { NamedProducing } from './named-producing.ts'
import type { GroupPlan, Plan } from './plan.ts'
import type { ProcessDisk } from './process-disk.ts'
import { inRound, produce, sleep } from './producers.ts'
import type { SimThread } from './scheduler.ts'

/** Handlers are looked up by their number; the file is one that exists. */
export const HANDLER_URL: URL = new URL('./lab.js', import.meta.url)

/** On the simulated disk. */
const DIR = '/data'
const FOR_EVER_MS = 2 ** 31 - 1
/** What a broker may answer whose disk has failed. */
const FAILED_CODES: readonly ErrorCode[] = ['MILL_DISK', 'MILL_UNPUBLISHED', 'MILL_CLOSED', 'MILL_GAVE_UP']
/** After so long the application and the faults leave the broker alone, until all is published. */
const BUSY_MS = 2_500
/** A group that has more to settle, and has settled and charged nothing for so long in the simulation's time, hangs. */
const STILL_MS = 30_000
/** It goes on publishing until the simulation has had so many inputs; what follows has some more. */
const INPUTS_MIN = 950

/** The process in which the application runs. */
export interface Surroundings {
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
  readonly #around: Surroundings
  readonly #manual: ManualConsumers
  readonly #audits: Audits
  #broker: Broker | null = null
  #consuming = new Map<GroupPlan, Consuming[]>()
  #paused = new Set<GroupPlan>()
  #producing = true
  /** Its broker has closed in good order. */
  isClosed = false

  constructor(plan: Plan, lab: Lab, findings: Findings, around: Surroundings) {
    this.#plan = plan
    this.#lab = lab
    this.#findings = findings
    this.#around = around
    this.#audits = new Audits(lab, {
      isGone: error => this.#isGone(error),
      failed: (error, what) => this.failed(error, what),
      retrying: start => this.#retrying(start),
    })
    this.#manual = new ManualConsumers(lab, {
      twice: plan.faults.has('doubleSettle'),
      problem: what => this.#problem(what),
      ended: (group, consuming, error) => this.#ended(group, consuming, error),
    })
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
    const [source, out] = await this.#topics(broker)
    if (life > 0 && this.#plan.disk !== null) {
      this.said = 'looking at what is left'
      await this.#lookAgain(broker, source, out)
    }
    await this.#audits.read(source)
    await this.#audits.read(out)
    for (const group of this.#plan.groups) await this.#openGroup(source, group)
    faults.begin(main)
    this.said = 'producing'
    const others = Promise.all([this.#sample(source), this.#operate(source)])
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
      await this.#drain(source, out)
      this.#lab.closing = true
    }
    this.said = 'closing'
    await broker.close({ timeoutMs: 60_000 }).then(
      () => {
        this.isClosed = true
      },
      (error: unknown) => {
        // It lists what was not in good order.
        const { disk } = this.#around
        if (!disk.hasFailed || !isMillraceError(error, 'MILL_TIMEOUT')) this.failed(error, 'close')
      },
    )
  }

  async #open(): Promise<Broker> {
    const { disk, partitionThreads } = this.#plan
    // Partition hosts die on a disk that fails for good, until the broker gives up.
    const intensity = this.#around.plan?.failure == null ? 1_000 : 40
    const options = { logger: false, restart: { intensity, periodMs: 10_000 } } as const
    if (disk === null) return openBroker({ ...options, partitionThreads })
    const { hosts, journalBytes } = disk
    return openBroker({ ...options, partitionThreads: hosts[this.#around.life] as number, dir: DIR }, { journalBytes })
  }

  async #topics(broker: Broker): Promise<readonly [Topic<Value>, Topic<Value>]> {
    const { disk, partitions, onFull, groups } = this.#plan
    const segments = { segmentBytes: 65_536 }
    const source = await broker.topic<Value>('in', {
      partitions,
      maxMessageBytes: 16_384,
      windowBytes: 65_536,
      onFull,
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
      partitions: 2,
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
    this.#consuming.set(plan, [])
    await this.#join(source, plan, plan.threads)
    const letters = await (this.#broker as Broker).topic<Value>(lettersOf(plan))
    this.#findings.letterTopics.add(letters.name)
    if (this.#plan.faults.has('fullDeadLetters')) {
      this.#lab.saw('fullDeadLetters')
      await this.#fill(letters)
      this.#late.push(this.#auditLater(letters))
    } else await this.#audits.read(letters)
  }

  /** So that no letter of some size has room until somebody reads. */
  async #fill(letters: Topic<Value>): Promise<void> {
    // What nobody is to read would make room.
    await (await this.#audits.read(letters)).stop()
    const partitions = (await letters.stats()).partitions.length
    const fillers = Array.from({ length: 4 * partitions }, (_, index) => ({
      partition: index % partitions,
      value: { id: `filler ${index}`, script: '', pad: 'x'.repeat(15_500) },
    }))
    await letters.publishBatch(fillers)
  }

  #late: Promise<unknown>[] = []

  async #auditLater(letters: Topic<Value>): Promise<void> {
    for (let waited = 0; waited < 40 && this.#producing; waited++) await sleep(50)
    await this.#audits.read(letters).catch((error: unknown) => this.failed(error, `reading ${letters.name}`))
  }

  /** One more consumer of a group, or its first. */
  async #join(source: Topic<Value>, plan: GroupPlan, threads: number): Promise<void> {
    const { name, attempts, initialMs, handlerTimeoutMs, retryOrder, concurrency } = plan
    const group = source.group(name)
    const options = { attempts, backoff: { initialMs, maxMs: 400 } }
    const consumings = this.#consuming.get(plan) as Consuming[]
    const handling = {
      ...(plan.atMostOnce
        ? { delivery: 'at-most-once' as const, deadLetter: lettersOf(plan) }
        : { ...options, retryOrder, concurrency }),
      ...(plan.output ? { output: 'out' } : {}),
      handlerTimeoutMs,
    }
    switch (plan.kind) {
      case 'run': {
        const restart = { intensity: plan.restartIntensity, periodMs: 10_000 }
        const handler = new URL(`?${plan.name}`, HANDLER_URL)
        const run = await group.run({ ...handling, handler, threads, restart })
        consumings.push(run)
        this.#mind(plan, run)
        break
      }
      case 'handle': {
        const run = await group.handle(this.#lab.handler(plan) as never, handling)
        consumings.push(run)
        if (this.#plan.disk !== null) this.#mind(plan, run)
        break
      }
      case 'consume':
      case 'observe':
        consumings.push(this.#manual.start(group, plan, options))
        break
    }
  }

  #mind(plan: GroupPlan, run: Run): void {
    run.finished.then(
      () => undefined,
      (error: unknown) => this.#ended(plan, run, error),
    )
  }

  /** A run that gives up is started again; where retention has removed what its group wants, at the earliest there is. */
  #ended(plan: GroupPlan, consuming: Consuming, error: unknown): void {
    const consumings = this.#consuming.get(plan) as Consuming[]
    if (this.#broker?.closed === true || !consumings.includes(consuming)) return
    consumings.splice(consumings.indexOf(consuming), 1)
    const isGone = this.#isGone(error)
    const gaveUp = plan.kind === 'run' && !isMillraceError(error, 'MILL_DISK')
    if (isGone || gaveUp) void this.#again(plan, isGone)
    else this.failed(error, `group ${plan.name} has ended`)
  }

  async #again(plan: GroupPlan, isGone: boolean): Promise<void> {
    await sleep(50)
    await this.#retrying(async () => {
      const source = await (this.#broker as Broker).topic<Value>('in')
      if (isGone) {
        const consumings = this.#consuming.get(plan) as Consuming[]
        while (consumings.length > 0) await this.#leave(consumings)
        await catchUp(this.#lab, source, source.group(plan.name))
      }
      await this.#join(source, plan, plan.threads)
    })
  }

  /** Starting may fail while faults befall threads that start. */
  async #retrying(start: () => Promise<void>): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        await start()
        return
      } catch (error) {
        if (this.#lab.closing || this.#broker?.closed === true) return
        if (this.#diskFailed(error)) return
        if (tries > 50 || isMillraceError(error, 'MILL_CLOSED')) {
          this.#problem(`a group could not be joined: ${(error as Error).message}`)
          return
        }
        await sleep(100)
      }
    }
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

  /** Pauses and resumes, stops and starts, joins and leaves, while messages are published. */
  async #operate(source: Topic<Value>): Promise<void> {
    const { faults, groups } = this.#plan
    const { chance } = this.#lab.scheduler
    const acts = (['pausedRun', 'rebalance', 'groupRestart'] as const).filter(fault => faults.has(fault))
    while (this.#producing && acts.length > 0) {
      await sleep(chance.between(10, 150))
      const plan = chance.pick(groups)
      const act = chance.pick(acts)
      await this.#retrying(() => this.#act(source, plan, act))
    }
    for (const plan of groups) if (this.#paused.has(plan)) await this.#resume(plan)
  }

  async #act(source: Topic<Value>, plan: GroupPlan, act: 'pausedRun' | 'rebalance' | 'groupRestart'): Promise<void> {
    const consumings = this.#consuming.get(plan) as Consuming[]
    const manual = plan.kind === 'consume' || plan.kind === 'observe'
    switch (act) {
      case 'pausedRun':
        if (manual) return
        this.#lab.saw(act)
        if (this.#paused.has(plan)) await this.#resume(plan)
        else {
          this.#paused.add(plan)
          await Promise.all(consumings.map(consuming => consuming.pause?.().catch(() => undefined)))
        }
        break
      case 'rebalance':
        if (manual) return
        this.#lab.saw(act)
        if (consumings.length > 1) await this.#leave(consumings)
        else if (!this.#paused.has(plan)) await this.#join(source, plan, 1)
        break
      case 'groupRestart':
        if (this.#paused.has(plan)) return
        this.#lab.saw(act)
        while (consumings.length > 0) await this.#leave(consumings)
        await sleep(this.#lab.scheduler.chance.below(40))
        await this.#join(source, plan, plan.threads)
        break
    }
  }

  async #leave(consumings: Consuming[]): Promise<void> {
    const consuming = consumings.pop()
    await consuming?.stop().catch((error: Error) => {
      if (!isMillraceError(error, 'MILL_HANDLER')) throw error
    })
  }

  async #resume(plan: GroupPlan): Promise<void> {
    this.#paused.delete(plan)
    const consumings = this.#consuming.get(plan) as Consuming[]
    await Promise.all(consumings.map(consuming => consuming.resume?.().catch(() => undefined)))
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
