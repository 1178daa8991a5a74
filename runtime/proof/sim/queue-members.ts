/**
 * The consumers of a simulation's queue: they come and go, pause and resume, stop and start again.
 *
 * The simulated main thread, through the public API only. How many there may be is written down before they come, and after they
 * have gone.
 */
import { isMillraceError } from '../../words/errors.ts'
import type { Queue } from '../../words/queue.ts'
import type { QueueRun } from '../../words/queue-run.ts'
import { batchHandler } from './batch-handler.ts'
import { type Consumable, type Consuming, ManualConsumers, type ManualPlan } from './consumers.ts'
import type { Lab, Value } from './lab.ts'
import { sleep } from './producers.ts'
import { handlerPlanOf, type QueueAct, type QueueMemberPlan, type QueuePlan } from './queue-plan.ts'

/** Handlers are looked up by their queue; the file is one that exists. */
const HANDLER_URL: URL = new URL('./lab.js', import.meta.url)
/** Runs, loops and subscriptions of one queue, at most. */
const MEMBERS_MAX = 4
const CONSUME_WINDOW = 100

export interface QueueUpcalls {
  /** The broker is closed, or all is read. */
  isOver(): boolean
  /** Starting may fail while faults befall threads that start. */
  retrying(start: () => Promise<void>): Promise<void>
  failed(error: unknown, what: string): void
  problem(what: string): void
}

/** What its runs handle with. */
export function queueHandler(lab: Lab, plan: QueuePlan): object {
  return plan.batch === null ? lab.handler(handlerPlanOf(plan)) : batchHandler(lab, handlerPlanOf(plan))
}

interface Member extends ManualPlan, QueueMemberPlan {}

export class QueueMembers {
  readonly #plan: QueuePlan
  readonly #lab: Lab
  readonly #queue: Queue<Value>
  readonly #around: QueueUpcalls
  readonly #manual: ManualConsumers<Member>
  readonly #members = new Map<Consuming, Member>()
  /** Consumers that there may be. */
  #count = 0
  #isPaused = false
  /** Its queue is to be deleted: nobody comes any more. */
  #isEnding = false
  readonly #joining = new Set<Promise<void>>()
  #operating: Promise<void> = Promise.resolve()

  constructor(plan: QueuePlan, lab: Lab, queue: Queue<Value>, twice: boolean, around: QueueUpcalls) {
    this.#plan = plan
    this.#lab = lab
    this.#queue = queue
    this.#around = around
    this.#manual = new ManualConsumers<Member>(lab, {
      twice,
      problem: what => around.problem(what),
      ended: (_member, consuming, error) => this.#ended(consuming, error),
    })
  }

  async open(): Promise<void> {
    for (const member of this.#plan.members) await this.#around.retrying(() => this.#join(member))
  }

  /** Those that are consumers for certain. */
  get runs(): readonly Consuming[] {
    return [...this.#members].flatMap(([run, { kind }]) => (kind === 'run' || kind === 'handle' ? [run] : []))
  }

  /** All leave, and nobody comes any more. */
  async end(): Promise<void> {
    this.#isEnding = true
    await this.#operating
    while (this.#joining.size > 0) await Promise.all(this.#joining)
    for (const consuming of [...this.#members.keys()]) await this.#leave(consuming)
  }

  /** The broker is to be closed. */
  closes(): void {
    this.#manual.leaveAll()
  }

  /** One comes while its queue is deleted, and leaves again; with what error it did not come, null: it came. */
  async comesLate(): Promise<unknown> {
    try {
      const run = await this.#queue.handle(queueHandler(this.#lab, this.#plan) as never)
      await run.stop()
      return null
    } catch (error) {
      return error
    }
  }

  #counts(more: number): void {
    this.#count += more
    this.#lab.record({ kind: 'consuming', topic: this.#plan.name, consumers: this.#count })
  }

  #join(member: QueueMemberPlan): Promise<void> {
    if (this.#isEnding) return Promise.resolve()
    const joining = this.#joinNow(member)
    const isOver = (): unknown => this.#joining.delete(over)
    const over: Promise<void> = joining.then(isOver, isOver).then(() => undefined)
    this.#joining.add(over)
    return joining
  }

  async #joinNow({ kind, threads, consumerPriority }: QueueMemberPlan): Promise<void> {
    const { name, prefetch, concurrency, batch, handlerTimeoutMs, ackTimeoutMs, atMostOnce, output, releaseShare } =
      this.#plan
    const window = prefetch ?? CONSUME_WINDOW
    const shape = { kind, threads: kind === 'run' ? threads : 1, consumerPriority }
    const member: Member = { name, ...shape, window, ackTimeoutMs, releaseShare }
    const handling = {
      consumerPriority,
      ...(prefetch === null ? {} : { prefetch }),
      ...(atMostOnce ? { delivery: 'at-most-once' as const } : {}),
      ...(output ? { output: 'out' } : {}),
      ...(batch === null ? { concurrency } : { batch: { maxRecords: batch } }),
      handlerTimeoutMs,
    }
    this.#counts(member.threads)
    try {
      const restart = { intensity: 10, periodMs: 10_000 }
      if (kind === 'run') {
        const handler = new URL(`?${name}`, HANDLER_URL)
        this.#mind(await this.#queue.run({ ...handling, handler, threads, restart }), member)
      } else if (kind === 'handle')
        this.#mind(await this.#queue.handle(queueHandler(this.#lab, this.#plan) as never, handling), member)
      else {
        const options = { ackTimeoutMs, consumerPriority, ...(kind === 'consume' ? { prefetch: window } : {}) }
        this.#members.set(this.#manual.start(this.#queue as unknown as Consumable, member, options), member)
      }
    } catch (error) {
      this.#counts(-member.threads)
      throw error
    }
  }

  #mind(run: QueueRun, member: Member): void {
    this.#members.set(run, member)
    run.finished.then(
      () => undefined,
      (error: unknown) => this.#ended(run, error),
    )
  }

  /** A run that gives up is started again. */
  #ended(consuming: Consuming, error: unknown): void {
    const member = this.#members.get(consuming)
    if (this.#around.isOver() || member === undefined) return
    this.#members.delete(consuming)
    this.#counts(-member.threads)
    const isRun = member.kind === 'run' || member.kind === 'handle'
    if (isRun && isMillraceError(error, 'MILL_TOPIC_DELETED'))
      this.#around.problem(`Q10: queue ${this.#plan.name} was deleted under a run`)
    if (this.#isEnding || isMillraceError(error, 'MILL_TOPIC_DELETED')) return
    if (member.kind !== 'run') this.#around.failed(error, `a consumer of ${this.#plan.name} has ended`)
    else void sleep(50).then(() => this.#around.retrying(() => this.#join(member)))
  }

  /** Lets consumers come and go while messages are sent; in the end there are some, and they take messages. */
  operate(isProducing: () => boolean): Promise<void> {
    this.#operating = this.#operate(() => !this.#isEnding && isProducing())
    return this.#operating
  }

  async #operate(isProducing: () => boolean): Promise<void> {
    const { chance } = this.#lab.scheduler
    const { acts, members } = this.#plan
    while (isProducing()) {
      await sleep(chance.between(10, 150))
      if (acts.length > 0 && isProducing()) await this.#around.retrying(() => this.#act(chance.pick(acts)))
    }
    if (this.#isEnding) return
    if (this.#isPaused) await this.#around.retrying(() => this.#pauseOrResume())
    for (const member of members) if (this.#members.size === 0) await this.#around.retrying(() => this.#join(member))
  }

  async #pauseOrResume(): Promise<void> {
    this.#isPaused = !this.#isPaused
    const consumings = [...this.#members.keys()]
    // One that has ended by then does not answer.
    const act = (each: Consuming): Promise<void> | undefined => (this.#isPaused ? each.pause?.() : each.resume?.())
    await Promise.all(consumings.map(each => act(each)?.catch(() => undefined)))
  }

  async #act(act: QueueAct): Promise<void> {
    const { chance } = this.#lab.scheduler
    const [consuming] = this.#members.keys()
    switch (act) {
      case 'pause':
        await this.#pauseOrResume()
        break
      case 'restart':
        if (consuming === undefined) return
        await this.#leave(consuming)
        await sleep(chance.below(40))
        await this.#join(chance.pick(this.#plan.members))
        break
      case 'come':
        if (this.#members.size < MEMBERS_MAX) await this.#join(chance.pick(this.#plan.members))
        break
      case 'go':
        if (consuming !== undefined) await this.#leave(consuming)
        break
    }
  }

  async #leave(consuming: Consuming): Promise<void> {
    const member = this.#members.get(consuming) as Member
    this.#members.delete(consuming)
    await consuming.stop().catch((error: unknown) => {
      if (!isMillraceError(error, 'MILL_HANDLER')) this.#around.failed(error, `leaving ${this.#plan.name}`)
    })
    // Nobody is told when a subscription has left: for all that is known it may have what it has prefetched.
    if (member.kind !== 'observe') this.#counts(-member.threads)
  }

  /** What everybody who handles says, once all is settled. */
  async idle(): Promise<void> {
    for (const consuming of this.#members.keys()) await consuming.idle?.()
  }
}
