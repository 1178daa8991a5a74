/** One member of a group, of any kind: it joins, is paused, and leaves; what it does with records is in act.ts. */
import type { Subscription } from 'rxjs'
import { settle } from '../../../api/observe.ts'
import type { ManualDelivery } from '../../../words/delivery.ts'
import type { Group } from '../../../words/group.ts'
import type { GroupOptions, HandleOptions } from '../../../words/group-options.ts'
import type { Run } from '../../../words/run.ts'
import { Site, type SiteData } from './act.ts'
import type { Calls } from './calls.ts'
import { batchHandler, messageHandler, snapshotHandler } from './handlers.ts'
import { shareOf } from './jobs.ts'
import { type GroupPlan, type Job, lettersOf, type MemberPlan } from './plan.ts'
import type { SelfKill } from './self-kill.ts'
import type { Sink } from './sink.ts'

export interface Setting {
  readonly sink: Sink
  readonly calls: Calls
  readonly history: string
  readonly life: number
  readonly kill: SelfKill | null
  /** Put before each name, so that programs can share a broker. */
  readonly prefix: string
}

/** How long a handler goes on after it has told its own run to stop. */
const SPIN_MS = 8

export class Member {
  readonly plan: MemberPlan
  readonly #group: Group
  readonly #groupPlan: GroupPlan
  readonly #setting: Setting
  readonly #site: Site
  /** What its handlers need to know of the group. */
  readonly #shared: SiteData['group']
  #run: Run | null = null
  #subscription: Subscription | null = null
  #loop: Promise<void> | null = null
  #leaving = new AbortController()
  #stopped: Promise<void> | null = null
  isPaused = false

  constructor(group: Group, groupPlan: GroupPlan, plan: MemberPlan, setting: Setting) {
    this.#group = group
    this.#groupPlan = groupPlan
    this.plan = plan
    this.#setting = setting
    const { steps: _steps, ...shared } = groupPlan
    this.#shared = { ...shared, output: shared.output === null ? null : `${setting.prefix}${shared.output}` }
    this.#site = new Site(setting.sink, { group: this.#shared, life: setting.life }, plan.name)
  }

  /** Whether it is, or may still be, in its group. */
  get isThere(): boolean {
    return this.#stopped === null && (this.#run !== null || this.#subscription !== null || this.#loop !== null)
  }

  /** Whether the group is free of it when it has stopped. */
  get leavesAtOnce(): boolean {
    return this.plan.kind !== 'observe' && this.plan.kind !== 'settle'
  }

  async join(): Promise<void> {
    const { kind, name } = this.plan
    this.#setting.sink.add({ e: 'joined', group: this.#groupPlan.name, member: name, kind })
    if (kind === 'consume') this.#loop = this.#consume()
    else if (kind === 'observe' || kind === 'settle') this.#observe()
    else await this.#handle()
  }

  #policy(): GroupOptions {
    const { attempts, backoffMs, retryOrder, style } = this.#groupPlan
    const backoff = { initialMs: backoffMs, maxMs: 4 * backoffMs }
    const deadLetter = lettersOf(this.#setting.prefix, this.#groupPlan)
    return style === 'atMostOnce' ? { backoff, deadLetter } : { backoff, deadLetter, retryOrder, attempts }
  }

  async #handle(): Promise<void> {
    const { kind, name, concurrency, batchMax, threads, stopAt, aborts } = this.plan
    const { style, output, by } = this.#groupPlan
    const isBatch = kind === 'batch' || kind === 'runBatch'
    const options: HandleOptions = {
      ...this.#policy(),
      ...(style === 'atMostOnce' ? { delivery: 'at-most-once' } : {}),
      ...(kind === 'keyed' ? { concurrency } : {}),
      ...(aborts ? { signal: this.#leaving.signal } : {}),
      ...(isBatch ? { batch: { maxRecords: batchMax } } : {}),
      ...(output !== null && by === 'return' ? { output: `${this.#setting.prefix}${output}` } : {}),
    }
    if (stopAt !== null)
      this.#site.onHand = nth => {
        if (nth !== stopAt || this.#run === null) return
        this.#setting.sink.add({ e: 'did', what: 'handler stops its run' })
        void this.stop(null, true)
        for (const until = performance.now() + SPIN_MS; performance.now() < until; );
      }
    const run = await this.#setting.calls.make(`join ${kind}`, () => {
      if (kind !== 'run' && kind !== 'runBatch') return this.#group.handle(this.#handler(isBatch), options)
      const { history, life, kill } = this.#setting
      const data: SiteData = { history, member: name, life, group: this.#shared, kill }
      return this.#group.run({ ...options, handler: this.#module(isBatch), threads, data })
    })
    if (run instanceof Error) return
    this.#run = run
    run.finished.catch((error: Error & { code?: string }) => {
      this.#setting.sink.add({ e: 'gaveUp', group: this.#groupPlan.name, code: `${error.code} ${error.message}` })
    })
  }

  #handler(isBatch: boolean) {
    if (isBatch) return batchHandler(() => this.#site)
    return this.#groupPlan.style === 'snapshot' ? snapshotHandler(() => this.#site) : messageHandler(() => this.#site)
  }

  #module(isBatch: boolean): URL {
    if (isBatch) return new URL('./batch-module.js', import.meta.url)
    if (this.#groupPlan.style === 'snapshot') return new URL('./snapshot-module.js', import.meta.url)
    return new URL('./message-module.js', import.meta.url)
  }

  #observe(): void {
    const { kind, window, concurrency } = this.plan
    const deliveries = this.#group.observe({ ...this.#policy(), window })
    const failed = (error: Error & { code?: string }): void =>
      this.#setting.sink.add({ e: 'gaveUp', group: this.#groupPlan.name, code: `${error.code} ${error.message}` })
    this.#subscription =
      kind === 'settle'
        ? deliveries.pipe(settle(delivery => this.#settled(delivery), { concurrency })).subscribe({ error: failed })
        : deliveries.subscribe({ next: delivery => void this.#byHand(delivery), error: failed })
  }

  /** What `settle` calls: it acks what returns, and nacks what throws. */
  async #settled(delivery: ManualDelivery): Promise<void> {
    const job = this.#site.hand(delivery, delivery.settled)
    this.#site.delay(job, delivery)
    if (job.fate === 'later') await new Promise(resolve => setTimeout(resolve, job.ms))
    if (delivery.settled) {
      this.#site.done(delivery, 'late')
      return
    }
    if (!this.#site.fails(job, delivery)) {
      this.#site.done(delivery, 'ok')
      return
    }
    this.#site.done(delivery, job.fate === 'reject' ? 'rejected' : 'failed')
    throw this.#site.error(job)
  }

  /** Settles a delivery itself, once. */
  async #byHand(delivery: ManualDelivery): Promise<void> {
    const job = this.#site.hand(delivery, delivery.settled)
    this.#site.delay(job, delivery)
    if (job.fate === 'later') await new Promise(resolve => setTimeout(resolve, job.ms))
    this.#settleByHand(job, delivery)
  }

  #settleByHand(job: Job, delivery: ManualDelivery): void {
    if (delivery.settled) {
      this.#site.done(delivery, 'late')
      return
    }
    if (this.#site.fails(job, delivery)) {
      this.#site.done(delivery, job.fate === 'reject' ? 'rejected' : 'failed')
      const error = this.#site.error(job)
      if (job.fate === 'reject') delivery.reject(error)
      else delivery.nack(error)
    } else if (shareOf(job.id, 'release') < 0.03 && delivery.deliveryAttempt === 1) {
      this.#site.done(delivery, 'released')
      this.#site.did('release')
      delivery.release()
    } else {
      this.#site.done(delivery, 'ok')
      delivery.ack()
    }
  }

  async #consume(): Promise<void> {
    const { stopAt } = this.plan
    const { calls } = this.#setting
    await calls.make('join consume', async () => undefined)
    try {
      let nth = 0
      for await (const delivery of this.#group.consume({ ...this.#policy(), signal: this.#leaving.signal })) {
        const isLast = ++nth === stopAt
        const job = this.#site.hand(delivery, delivery.settled)
        this.#site.delay(job, delivery)
        if (job.fate === 'later') await new Promise(resolve => setTimeout(resolve, job.ms))
        // Leaving the loop hands the current one back.
        if (isLast) {
          this.#site.done(delivery, delivery.settled ? 'late' : 'released')
          this.#site.did('loop left')
          this.#setting.sink.add({ e: 'stopping', group: this.#groupPlan.name, member: this.plan.name })
          break
        }
        this.#settleByHand(job, delivery)
      }
    } catch (error) {
      this.#setting.sink.add({ e: 'gaveUp', group: this.#groupPlan.name, code: `${error}` })
    }
    this.#stopped ??= Promise.resolve()
    this.#setting.sink.add({ e: 'stopped', group: this.#groupPlan.name, member: this.plan.name, clean: true })
  }

  async pause(): Promise<void> {
    const run = this.#run
    if (run === null || !this.isThere) return
    this.isPaused = true
    await this.#setting.calls.make('pause', () => run.pause())
  }

  async resume(): Promise<void> {
    const run = this.#run
    this.isPaused = false
    if (run !== null && this.isThere) await this.#setting.calls.make('resume', () => run.resume())
  }

  async idle(): Promise<void> {
    const run = this.#run
    if (run !== null && this.isThere && !this.isPaused) await this.#setting.calls.make('idle', () => run.idle())
  }

  /** Leaves the group; the same promise however often it is called. `inside`: by its own handler, which is answered at once. */
  stop(timeoutMs: number | null, inside = false): Promise<void> {
    this.#stopped ??= this.#leave(timeoutMs, inside)
    return this.#stopped
  }

  async #leave(timeoutMs: number | null, inside: boolean): Promise<void> {
    const { sink, calls } = this.#setting
    const group = this.#groupPlan.name
    const member = this.plan.name
    if (this.#loop !== null) {
      this.#leaving.abort()
      await calls.make('leave consume', () => this.#loop as Promise<void>)
      return
    }
    sink.add({ e: 'stopping', group, member })
    if (this.#subscription !== null) {
      this.#subscription.unsubscribe()
      sink.add({ e: 'stopped', group, member, clean: true })
      return
    }
    const run = this.#run
    if (run === null) return
    if (this.plan.aborts) this.#leaving.abort()
    const result = await calls.make(
      this.plan.aborts ? 'abort run' : 'stop',
      (): Promise<unknown> =>
        this.plan.aborts ? run.finished : run.stop(timeoutMs === null ? undefined : { timeoutMs }),
      timeoutMs === null ? '' : 'timed',
    )
    const ending = inside && !(result instanceof Error) ? run.finished.catch((error: Error) => error) : result
    sink.add({ e: 'stopped', group, member, clean: !((await ending) instanceof Error) })
  }
}
