/**
 * What the application of a simulation does with schedules: it makes them, pauses, removes and makes them again, and handles their messages.
 *
 * The simulated main thread, through the public API only. What it is told and what arrives goes to the judge (tick-judge.ts).
 */
import { nowMs, wallMs } from '../../../actors/world.ts'
import type { Broker } from '../../words/broker.ts'
import type { Delivery } from '../../words/delivery.ts'
import { isMillraceError } from '../../words/errors.ts'
import type { Exchange } from '../../words/exchange.ts'
import type { Queue } from '../../words/queue.ts'
import type { Schedule } from '../../words/schedule.ts'
import type { Topic } from '../../words/topic.ts'
import type { Lab } from './lab.ts'
import { sleep } from './producers.ts'
import { TickJudge } from './tick-judge.ts'
import type { TickPlan, TickSchedulePlan } from './tick-plan.ts'

const QUEUE = 'ticks'
const ROUTED = 'ticked'
const TOPIC = 'tick-log'
const EXCHANGE = 'tick-events'
/** Where the messages of a schedule come to. */
const TARGETS: Readonly<Record<TickSchedulePlan['target'], readonly string[]>> = {
  queue: [QUEUE],
  topic: [TOPIC],
  exchange: [ROUTED, TOPIC],
}
const ENDLESS = { attempts: Number.POSITIVE_INFINITY, deadLetter: false } as const
const STILL_MS = 30_000
/** A schedule looks at the wall clock, which may be set, once a minute. */
const ASLEEP_MS = 70_000
/** A schedule whose next tick is later is not waited for: the clock was set back. */
const SOON_MS = 5_000

/** What all processes of a simulation know together. */
export class TickFindings {
  readonly plan: TickPlan
  readonly judge: TickJudge
  /** How often each schedule was removed and made anew, by its place in the plan. */
  readonly generations: number[]

  constructor(plan: TickPlan) {
    const { durability, topicDurability } = plan
    const targets = new Map([QUEUE, ROUTED].map(name => [name, { durability }]))
    this.plan = plan
    this.judge = new TickJudge(targets.set(TOPIC, { durability: topicDurability }), !plan.clockJumps)
    this.generations = plan.schedules.map(() => 0)
  }
}

export interface TickUpcalls {
  broker(): Broker
  isOver(): boolean
  /** Whether the process is there, and what it says is heard. */
  isHeard(): boolean
  diskFailed(error: unknown): boolean
  failed(error: unknown, what: string): void
  problem(what: string): void
}

export class TickWork {
  readonly #lab: Lab
  readonly #findings: TickFindings
  readonly #around: TickUpcalls
  readonly #schedules: (Schedule | null)[]
  readonly #queues: Queue[] = []
  #topic: Topic | null = null
  #events: Exchange | null = null
  #isClosing = false

  constructor(lab: Lab, findings: TickFindings, around: TickUpcalls) {
    this.#lab = lab
    this.#findings = findings
    this.#around = around
    this.#schedules = findings.plan.schedules.map(() => null)
  }

  /** Everything that is done while others publish. */
  async live(life: number, isProducing: () => boolean): Promise<void> {
    const { judge, plan } = this.#findings
    judge.begins(this.#lab.seen.has('powerCut'))
    try {
      this.#listen()
      judge.found(life === 0 ? [] : this.#around.broker().schedules(), wallMs())
      for (const open of this.#inSomeOrder([this.#openQueue, this.#openTopic])) await open()
      await this.#openRouted()
      for (const index of plan.schedules.keys()) if (!this.#finds(index, life)) await this.#make(index)
      await this.#operate(isProducing)
    } catch (error) {
      if (!this.#isOver() && !isMillraceError(error, 'MILL_CLOSED')) this.#around.failed(error, 'schedules')
    }
  }

  #isOver(): boolean {
    return this.#isClosing || this.#around.isOver()
  }

  #inSomeOrder<T>(both: readonly T[]): readonly T[] {
    return this.#lab.scheduler.chance.happens(0.5) ? both : [...both].reverse()
  }

  #listen(): void {
    const broker = this.#around.broker()
    broker.on('ticksUnsent', ({ schedule, reason, ticks: count, first, last }) => {
      if (!this.#around.isHeard()) return
      const span = { firstMs: first.getTime(), lastMs: last.getTime() }
      this.#findings.judge.told(schedule, { reason, count, wallMs: wallMs(), ...span })
    })
    broker.on('scheduleFailed', ({ schedule, error, retries }) => {
      if (retries || this.#isOver() || !this.#around.isHeard()) return
      this.#around.failed(error, `schedule ${schedule} has failed`)
    })
  }

  readonly #openQueue = async (): Promise<void> => {
    const { durability } = this.#findings.plan
    this.#queues.push(await this.#handled(await this.#around.broker().queue(QUEUE, { durability, deadLetter: false })))
  }

  readonly #openTopic = async (): Promise<void> => {
    const { topicDurability } = this.#findings.plan
    const topic = await this.#around
      .broker()
      .topic(TOPIC, { partitions: 2, durability: topicDurability, groups: ['look'] })
    const run = await topic.group('look').handle(delivery => this.#handle(TOPIC, delivery), ENDLESS)
    run.finished.catch((error: unknown) => this.#ended(error, TOPIC))
    this.#topic = topic
  }

  async #openRouted(): Promise<void> {
    const { durability } = this.#findings.plan
    const broker = this.#around.broker()
    const routed = await this.#handled(await broker.queue(ROUTED, { durability, deadLetter: false }))
    this.#queues.push(routed)
    this.#events = await broker.exchange(EXCHANGE, { type: 'topic' })
    await this.#events.bind(routed, 'a.#')
    await this.#events.bind(this.#topic as Topic, '*.b')
  }

  async #handled(queue: Queue): Promise<Queue> {
    const options = { concurrency: 4, handlerTimeoutMs: 60_000 }
    const run = await queue.handle(delivery => this.#handle(queue.name, delivery), options)
    run.finished.catch((error: unknown) => this.#ended(error, queue.name))
    return queue
  }

  #ended(error: unknown, what: string): void {
    if (!this.#isOver()) this.#around.failed(error, `handling ${what}`)
  }

  async #handle(target: string, { headers, partition, offset }: Delivery<unknown>): Promise<void> {
    if (!this.#around.isHeard()) return
    const { judge, plan } = this.#findings
    const tickMs = Date.parse(String(headers['millrace-tick']))
    const tick = { schedule: String(headers['millrace-schedule']), target, tickMs, partition, offset }
    judge.came(tick, wallMs())
    if (plan.handlerMsMax > 0) await sleep(this.#lab.scheduler.chance.below(plan.handlerMsMax))
    if (this.#around.isHeard()) judge.done(tick)
  }

  #nameOf(index: number): string {
    return `${(this.#findings.plan.schedules[index] as TickSchedulePlan).name}.${this.#findings.generations[index]}`
  }

  /** Whether an earlier process has left it, and it is to go on as it is. */
  #finds(index: number, life: number): boolean {
    if (life === 0 || this.#lab.scheduler.chance.happens(0.5)) return false
    const name = this.#nameOf(index)
    const found = this.#around
      .broker()
      .schedules()
      .find(schedule => schedule.name === name)
    if (found === undefined) return false
    this.#schedules[index] = found
    return true
  }

  /** Makes it, or makes it again as it is. */
  async #make(index: number): Promise<void> {
    const { judge, plan } = this.#findings
    const own = plan.schedules[index] as TickSchedulePlan
    const { cron, everyMs, missed, overlap, target, padBytes } = own
    // A process may have ended between its removal and the note of that.
    if (judge.isRemoved(this.#nameOf(index))) this.#findings.generations[index]!++
    const name = this.#nameOf(index)
    const rhythm = cron === null ? { everyMs } : { cron, timeZone: index === 0 ? 'UTC' : 'Europe/Berlin' }
    const to = target === 'queue' ? QUEUE : target === 'topic' ? TOPIC : EXCHANGE
    const message = { value: 'x'.repeat(padBytes), ...(target === 'exchange' ? { routingKey: 'a.b' } : {}) }
    judge.making(own, name, TARGETS[target], wallMs())
    const made = await this.#around.broker().schedule(name, { ...rhythm, missed, overlap }, to, message)
    if (!this.#around.isHeard()) return
    this.#schedules[index] = made
    judge.made(name, made.next()[0]?.getTime() ?? null)
  }

  async #operate(isProducing: () => boolean): Promise<void> {
    const { chance } = this.#lab.scheduler
    const { acts, schedules } = this.#findings.plan
    while (isProducing() && acts.length > 0) {
      await sleep(chance.between(10, 300))
      if (isProducing()) await this.#act(chance.pick(acts), chance.below(schedules.length))
    }
  }

  async #act(act: TickPlan['acts'][number], index: number): Promise<void> {
    const schedule = this.#schedules[index]
    if (schedule == null) return
    const { judge, generations } = this.#findings
    const { name } = schedule
    if (act === 'pause') await (schedule.paused ? this.#resume(schedule) : this.#pause(schedule))
    else if (act === 'again') await this.#make(index)
    else {
      judge.removing(name)
      await schedule.remove()
      if (!this.#around.isHeard()) return
      judge.removed(name, wallMs())
      generations[index]!++
      await this.#make(index)
    }
  }

  async #pause(schedule: Schedule): Promise<void> {
    const { judge } = this.#findings
    judge.pausing(schedule.name, wallMs())
    await schedule.pause()
    if (this.#around.isHeard()) judge.paused(schedule.name, wallMs())
  }

  async #resume(schedule: Schedule): Promise<void> {
    const { judge } = this.#findings
    judge.resuming(schedule.name, wallMs())
    await schedule.resume()
    if (this.#around.isHeard()) judge.resumed(schedule.name, wallMs())
  }

  /** The broker is about to be closed. */
  closes(): void {
    this.#isClosing = true
  }

  /** The last process: each schedule goes on, and is paused then; all that was sent is handled, and judged. */
  async drain(): Promise<void> {
    for (const schedule of this.#schedules) {
      if (schedule === null) continue
      if (schedule.paused) await this.#resume(schedule)
      if (!(await this.#goesOn(schedule))) return
      await this.#pause(schedule)
    }
    for (let [before, sent] = [-1, this.#sent]; before !== sent; [before, sent] = [sent, this.#sent]) await sleep(500)
    for (const queue of this.#queues) if (!(await this.#settlesAll(queue.name, () => lagOf(queue)))) return
    const topic = this.#topic
    if (topic === null) return
    if (!(await this.#settlesAll(TOPIC, () => topic.group('look').lag()))) return
    this.#findings.judge.ended()
  }

  get #sent(): number {
    return this.#schedules.reduce((sum, schedule) => sum + (schedule?.stats().sent ?? 0), 0)
  }

  /** Whether it decides its next tick, if that is soon. */
  async #goesOn(schedule: Schedule): Promise<boolean> {
    const next = schedule.next()[0]?.getTime()
    if (next === undefined || next - wallMs() > SOON_MS) return true
    const decided = (): number => {
      const { sent, missed, overlapped, refused } = schedule.stats()
      return sent + missed + overlapped + refused
    }
    const before = decided()
    for (const since = nowMs(); decided() === before; ) {
      if (nowMs() - since > (this.#findings.plan.clockJumps ? ASLEEP_MS : STILL_MS)) {
        this.#around.problem(`S: schedule ${schedule.name} has a tick at ${next}, and decides nothing at ${wallMs()}`)
        return false
      }
      await sleep(100)
    }
    return true
  }

  async #settlesAll(what: string, lagOf: () => Promise<number>): Promise<boolean> {
    let last = -1
    for (let since = nowMs(); ; ) {
      const lag = await lagOf()
      if (lag === 0) return true
      if (lag !== last) since = nowMs()
      else if (nowMs() - since > STILL_MS) {
        this.#around.problem(`A5: ${what} is not drained: ${lag} messages of schedules`)
        return false
      }
      last = lag
      await sleep(200)
    }
  }
}

async function lagOf(queue: Queue): Promise<number> {
  const { ready, unacked, retrying, scheduled } = await queue.stats()
  return ready + unacked + retrying + scheduled
}
