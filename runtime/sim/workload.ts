/**
 * The application of a simulation: it publishes, consumes in all ways there are, pauses, stops, joins and leaves.
 *
 * The simulated main thread, through the public API only. It writes down what it was told.
 */
import { clearTimeout, nowMs, setTimeout } from '../../actors/world.ts'
import { createBroker } from '../broker.ts'
import { isMillraceError } from '../errors.ts'
import type { GroupFacts } from '../history/history.ts'
import type { Broker, Delivery, Group, HandlerContext, ManualDelivery, Run, Topic } from '../types.ts'
import { type Lab, letterOf, type Value } from './lab.ts'
import type { GroupPlan, Plan } from './plan.ts'
import { inRound, produce, sleep } from './producers.ts'

/** Handlers are looked up by their number; the file is one that exists. */
export const HANDLER_URL: URL = new URL('./lab.js', import.meta.url)

const DEAD = '.dlq'
/** After so long the application and the faults leave the broker alone, until all is published. */
const BUSY_MS = 2_500
/** A group that has more to settle, and has settled and charged nothing for so long in the simulation's time, hangs. */
const STILL_MS = 30_000
/** It goes on publishing until the simulation has had so many inputs; what follows has some more. */
const INPUTS_MIN = 950

/** Whoever consumes for a group now, however it does so. */
interface Consuming {
  stop(): Promise<unknown>
  pause?(): Promise<void>
  resume?(): Promise<void>
  idle?(): Promise<void>
}

export class Workload {
  readonly #plan: Plan
  readonly #lab: Lab
  readonly facts: GroupFacts[] = []
  readonly drained: string[] = []
  readonly problems: string[] = []
  #broker: Broker | null = null
  #consuming = new Map<GroupPlan, Consuming[]>()
  #paused = new Set<GroupPlan>()
  #producing = true

  constructor(plan: Plan, lab: Lab) {
    this.#plan = plan
    this.#lab = lab
  }

  /** Everything from the first call to the last; `faultsEnd` is called when everything is published. */
  async live(faultsBegin: () => void, faultsEnd: () => void): Promise<void> {
    const { plan } = this.#named()
    const broker = await createBroker({
      logger: false,
      partitionThreads: plan.partitionThreads,
      restart: { intensity: 1_000, periodMs: 10_000 },
    })
    this.#broker = broker
    const source = await broker.topic<Value>('in', {
      partitions: plan.partitions,
      maxMessageBytes: 16_384,
      windowBytes: 65_536,
      onFull: plan.onFull,
      groups: ['audit', ...plan.groups.filter(({ named }) => named).map(({ name }) => name)],
    })
    const out = await broker.topic<Value>('out', {
      partitions: 2,
      maxMessageBytes: 4_096,
      windowBytes: 65_536,
      groups: ['audit'],
    })
    await this.#audit(source)
    await this.#audit(out)
    for (const group of plan.groups) await this.#open(source, group)
    faultsBegin()
    this.said = 'producing'
    const watching = this.#sample(source)
    const operating = this.#operate(source)
    const quiet = (): void => {
      this.#producing = false
      faultsEnd()
    }
    const busy = setTimeout(quiet, BUSY_MS)
    const { scheduler } = this.#lab
    for (let round = 0; round === 0 || scheduler.inputs < INPUTS_MIN; round++) {
      await Promise.all(plan.producers.map(producer => produce(this.#lab, plan, source, inRound(producer, round))))
      await sleep(scheduler.chance.below(200))
    }
    await sleep(this.#lab.scheduler.chance.below(300))
    clearTimeout(busy)
    quiet()
    this.said = 'waiting for the operator'
    await Promise.all([watching, operating])
    this.said = 'draining'
    await this.#drain(source, out)
    this.said = 'closing'
    this.#lab.closing = true
    await broker.close({ timeoutMs: 60_000 }).catch((error: Error) => this.problems.push(`close: ${error.message}`))
  }

  #named(): { readonly plan: Plan } {
    return { plan: this.#plan }
  }

  /** Reads a topic in full, and writes down what is in it. */
  async #audit(topic: Topic<Value>): Promise<Run> {
    const lab = this.#lab
    const handler = {
      start: ({ partition }: HandlerContext) => lab.consumer(`audit ${topic.name}`, partition),
      message: (delivery: Delivery<Value>, reader: unknown) => {
        const { partition, offset, key, value } = delivery
        const { name } = reader as { readonly name: string }
        lab.record({ kind: 'read', reader: name, topic: topic.name, partition, offset, id: value.id, key })
        if (delivery.headers['millrace-group'] !== undefined) this.#letter(topic.name, delivery)
      },
    }
    return topic
      .group('audit')
      .handle<string>(handler as never, { attempts: Number.POSITIVE_INFINITY, deadLetter: false })
  }

  #letter(topic: string, { partition, offset, key, value, headers }: Delivery<Value>): void {
    const text = (name: string): string => String(headers[name])
    this.#lab.record({
      kind: 'letter',
      topic,
      partition,
      offset,
      id: value.id,
      key,
      group: text('millrace-group'),
      source: {
        topic: text('millrace-topic'),
        partition: Number(text('millrace-partition')),
        offset: Number(text('millrace-offset')),
      },
      reason: text('millrace-reason'),
      failedAttempts: Number(text('millrace-failed-attempts')),
      replayed: Number(headers['millrace-replayed'] ?? 0),
    })
  }

  async #open(source: Topic<Value>, plan: GroupPlan): Promise<void> {
    const handles = plan.kind === 'run' || plan.kind === 'handle'
    this.facts.push({
      topic: source.name,
      group: plan.name,
      attempts: plan.attempts,
      ordered: handles && plan.retryOrder === 'partition' && plan.concurrency === 1,
      keyed: handles && plan.retryOrder !== 'none',
      from: plan.named ? 'earliest' : 'latest',
      atMostOnce: plan.atMostOnce,
      deadLetterTopic: `${source.name}.${plan.name}${DEAD}`,
    })
    this.#consuming.set(plan, [])
    await this.#join(source, plan, plan.threads)
    const letters = await (this.#broker as Broker).topic<Value>(`${source.name}.${plan.name}${DEAD}`)
    if (this.#plan.faults.has('fullDeadLetters')) {
      this.#lab.saw('fullDeadLetters')
      await this.#fill(letters)
      void this.#auditLater(letters)
    } else await this.#audit(letters)
  }

  /** So that no letter of some size has room until somebody reads. */
  async #fill(letters: Topic<Value>): Promise<void> {
    // What nobody is to read would make room.
    await (await this.#audit(letters)).stop()
    const partitions = (await letters.stats()).partitions.length
    const fillers = Array.from({ length: 4 * partitions }, (_, index) => ({
      partition: index % partitions,
      value: { id: `filler ${index}`, script: '', pad: 'x'.repeat(15_500) },
    }))
    await letters.publishBatch(fillers)
  }

  #late: Promise<unknown>[] = []

  async #auditLater(letters: Topic<Value>): Promise<void> {
    const started = (async () => {
      for (let waited = 0; waited < 40 && this.#producing; waited++) await sleep(50)
      await this.#audit(letters)
    })()
    this.#late.push(started)
    await started
  }

  /** One more consumer of a group, or its first. */
  async #join(source: Topic<Value>, plan: GroupPlan, threads: number): Promise<void> {
    const { name, attempts, initialMs, handlerTimeoutMs, retryOrder, concurrency } = plan
    const group = source.group(name)
    const options = { attempts, backoff: { initialMs, maxMs: 400 } }
    const consumings = this.#consuming.get(plan) as Consuming[]
    const handling = {
      ...(plan.atMostOnce
        ? { delivery: 'at-most-once' as const, deadLetter: `${source.name}.${name}${DEAD}` }
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
        this.#mind(source, plan, run)
        break
      }
      case 'handle': {
        const run = await group.handle(this.#lab.handler(plan) as never, handling)
        consumings.push(run)
        break
      }
      case 'consume':
        consumings.push(this.#consume(group, plan, options))
        break
      case 'observe':
        consumings.push(this.#observe(group, plan, options))
        break
    }
  }

  /** A run that gives up is started again. */
  #mind(source: Topic<Value>, plan: GroupPlan, run: Run): void {
    run.finished.then(
      () => undefined,
      async () => {
        const consumings = this.#consuming.get(plan) as Consuming[]
        if (!consumings.includes(run)) return
        consumings.splice(consumings.indexOf(run), 1)
        await sleep(50)
        await this.#retrying(() => this.#join(source, plan, plan.threads))
      },
    )
  }

  /** Starting may fail while faults befall threads that start. */
  async #retrying(start: () => Promise<void>): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        await start()
        return
      } catch (error) {
        if (this.#lab.closing) return
        if (tries > 50 || isMillraceError(error, 'MILL_CLOSED')) {
          this.problems.push(`a group could not be joined: ${(error as Error).message}`)
          return
        }
        await sleep(100)
      }
    }
  }

  /** What a consumer that settles by itself does with a delivery. */
  async #settle(delivery: ManualDelivery<Value>, plan: GroupPlan, name: ReturnType<Lab['consumer']>): Promise<void> {
    const lab = this.#lab
    const { chance } = lab.scheduler
    lab.delivered(name, plan.name, delivery)
    const letter = letterOf(delivery)
    if (letter === 'K' || letter === 'L') await sleep(chance.between(1, 20))
    // Its partition may have moved on in the meantime.
    if (delivery.settled) return
    if (chance.happens(0.03)) {
      lab.settled(name, plan.name, delivery, 'released')
      delivery.release()
    } else if ('kKbL'.includes(letter)) {
      lab.settled(name, plan.name, delivery, 'handled')
      delivery.ack()
    } else if (letter === 'x') {
      lab.settled(name, plan.name, delivery, 'rejected')
      lab.saw('rejectError')
      delivery.reject(new Error('refused'))
    } else {
      lab.settled(name, plan.name, delivery, 'failed')
      delivery.nack(new Error('nacked'))
    }
    if (!this.#plan.faults.has('doubleSettle') || !chance.happens(0.2)) return
    lab.saw('doubleSettle')
    try {
      delivery.ack()
      this.problems.push('a delivery was settled twice')
    } catch (error) {
      if (!isMillraceError(error, 'MILL_SETTLED')) throw error
    }
  }

  #consume(group: Group<Value>, plan: GroupPlan, options: object): Consuming {
    const lab = this.#lab
    const ended = new AbortController()
    const loop = async (): Promise<void> => {
      const name = lab.consumer(plan.name, 0)
      for await (const delivery of group.consume({ ...options, signal: ended.signal })) {
        await this.#settle(delivery, plan, name)
        if (lab.scheduler.chance.happens(0.01)) break
      }
    }
    const looping = (async () => {
      while (!ended.signal.aborted) await loop()
    })().catch((error: Error) => {
      if (!ended.signal.aborted && this.#broker?.closed !== true) this.problems.push(`consume: ${error.message}`)
    })
    return {
      async stop() {
        ended.abort()
        await looping
      },
    }
  }

  #observe(group: Group<Value>, plan: GroupPlan, options: object): Consuming {
    const name = this.#lab.consumer(plan.name, 0)
    const subscription = group.observe({ ...options, window: plan.window }).subscribe({
      next: delivery => void this.#settle(delivery, plan, name),
      error: (error: Error) => this.problems.push(`observe: ${error.message}`),
    })
    return {
      async stop() {
        subscription.unsubscribe()
        await sleep(100)
      },
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
    for (const { group } of this.facts) {
      const { partitions } = await source.group(group).stats()
      for (const { partition, committed } of partitions)
        this.#lab.record({ kind: 'committed', group, topic: source.name, partition, offset: committed })
    }
    for (const { partition, logStartOffset, usedBytes, windowBytes } of (await source.stats()).partitions) {
      if (usedBytes > windowBytes * 0.9) this.#lab.saw('fullWindow')
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
    for (const { group } of this.facts) {
      if (!(await this.#settlesAll(source.group(group)))) return
      this.drained.push(`${group} of ${source.name}`)
    }
    await this.#look(source)
    for (const topic of [source, out]) await this.#settlesAll(topic.group('audit'))
    for (const { deadLetterTopic } of this.facts) {
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
        this.problems.push(`A5: group ${group.name} is not drained: ${JSON.stringify(stats)}`)
        return false
      }
      last = now
      await sleep(500)
    }
  }
}
