/**
 * The groups of a simulation's application: it joins and leaves them, pauses and resumes, stops and starts again.
 *
 * The simulated main thread, through the public API only.
 */

import type { Broker } from '../../words/broker.ts'
import { isMillraceError } from '../../words/errors.ts'
import type { Run } from '../../words/run.ts'
import type { Topic } from '../../words/topic.ts'
import { catchUp } from './catching-up.ts'
import { type Consuming, ManualConsumers } from './consumers.ts'
import { lettersOf } from './findings.ts'
import { Interruptions } from './interruptions.ts'
import type { Lab, Value } from './lab.ts'
import type { GroupPlan, Plan } from './plan.ts'
import { sleep } from './producers.ts'
import type { SimThread } from './scheduler.ts'

/** Handlers are looked up by their number; the file is one that exists. */
const HANDLER_URL: URL = new URL('./lab.js', import.meta.url)

/** A tenth of a second apart: a run is not over while a thread of it goes on after its end, up to ten seconds. */
const TRIES_MAX = 150

export interface MemberUpcalls {
  broker(): Broker
  /** Whether it says that retention was faster. */
  isGone(error: unknown): boolean
  /** Whether it says that the disk has failed, which it has. */
  diskFailed(error: unknown): boolean
  failed(error: unknown, what: string): void
  problem(what: string): void
}

export class Members {
  readonly #plan: Plan
  readonly #lab: Lab
  readonly #around: MemberUpcalls
  readonly #manual: ManualConsumers<GroupPlan>
  readonly #interruptions: Interruptions
  readonly #consuming = new Map<GroupPlan, Consuming[]>()
  readonly #paused = new Set<GroupPlan>()

  constructor(plan: Plan, lab: Lab, main: SimThread, around: MemberUpcalls) {
    this.#plan = plan
    this.#lab = lab
    this.#around = around
    this.#interruptions = new Interruptions(plan, lab, main)
    this.#manual = new ManualConsumers(lab, {
      twice: plan.faults.has('doubleSettle'),
      problem: what => around.problem(what),
      ended: (group, consuming, error) => this.#ended(group, consuming, error),
    })
  }

  async open(source: Topic<Value>, plan: GroupPlan): Promise<void> {
    this.#consuming.set(plan, [])
    await this.#join(source, plan, plan.threads)
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
    if (this.#around.broker().closed || !consumings.includes(consuming)) return
    consumings.splice(consumings.indexOf(consuming), 1)
    const isGone = this.#around.isGone(error)
    const gaveUp = plan.kind === 'run' && !isMillraceError(error, 'MILL_DISK')
    if (isGone || gaveUp) void this.#again(plan, isGone)
    else this.#around.failed(error, `group ${plan.name} has ended`)
  }

  async #again(plan: GroupPlan, isGone: boolean): Promise<void> {
    await sleep(50)
    await this.retrying(async () => {
      const source = await this.#around.broker().topic<Value>('in')
      if (isGone) {
        const consumings = this.#consuming.get(plan) as Consuming[]
        while (consumings.length > 0) await this.#leave(consumings)
        await catchUp(this.#lab, source, source.group(plan.name))
      }
      await this.#join(source, plan, plan.threads)
    })
  }

  /** Starting may fail while faults befall threads that start. */
  async retrying(start: () => Promise<void>): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        await start()
        return
      } catch (error) {
        if (this.#lab.closing || this.#around.broker().closed) return
        if (this.#around.diskFailed(error)) return
        if (tries > TRIES_MAX || isMillraceError(error, 'MILL_CLOSED')) {
          this.#around.problem(`a group could not be joined: ${(error as Error).message}`)
          return
        }
        await sleep(100)
      }
    }
  }

  /** Pauses and resumes, stops and starts, joins and leaves, while messages are published. */
  async operate(source: Topic<Value>, isProducing: () => boolean): Promise<void> {
    const { faults, groups } = this.#plan
    const { chance } = this.#lab.scheduler
    const acts = (['pausedRun', 'rebalance', 'groupRestart'] as const).filter(fault => faults.has(fault))
    while (isProducing()) {
      const met = await this.#interruptions.next(chance.between(10, 150))
      if (met !== null) this.#lab.saw(met.fault)
      else if (acts.length === 0) continue
      const plan = groups.find(({ name }) => name === met?.group) ?? chance.pick(groups)
      const act = met === null ? chance.pick(acts) : chance.pick(['groupRestart', 'groupRestart', 'rebalance'] as const)
      await this.retrying(() => this.#act(source, plan, act))
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
}
