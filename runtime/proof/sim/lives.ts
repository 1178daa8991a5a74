/**
 * The processes of a simulation, one after the other on one disk: how each starts, and how it comes to its end.
 *
 * A process is all threads that live at a time. Its end stops them all at one step; what they shared is gone, and the disk
 * has what it kept, or what was durable. A seed without a disk has one process.
 */

import type { LifePlan } from './disk-plan.ts'
import type { Findings } from './findings.ts'
import type { Lab } from './lab.ts'
import type { LifeFaults } from './life-faults.ts'
import type { Plan } from './plan.ts'
import type { ProcessDisk } from './process-disk.ts'
import { EVENT, type Scheduler, type SimThread } from './scheduler.ts'
import type { SharedBytes } from './sim-memory.ts'
import { Workload } from './workload.ts'

/** Whoever is to end within a step, and takes none for so long, ends between two. */
const DOOMED_MS = 1_500
/** Looks at shared memory, or operations of the disk, until the end, at most. */
const FUSES = [5, 60, 400] as const
const OPENING_OPERATIONS = 90

/** Whoever is to end after a standstill, and comes to none for so long, ends all the same. */
const STANDSTILL_MS = 6_000

export class Lives {
  readonly #plan: Plan
  readonly #scheduler: Scheduler
  readonly #shared: SharedBytes
  readonly #lab: Lab
  readonly #disk: ProcessDisk
  readonly #faults: LifeFaults
  readonly findings: Findings
  /** What the process under way does, should it never end. */
  #workload: Workload | null = null
  #life = 0
  #isOver = false

  constructor(plan: Plan, lab: Lab, shared: SharedBytes, disk: ProcessDisk, faults: LifeFaults, findings: Findings) {
    this.#plan = plan
    this.#scheduler = lab.scheduler
    this.#shared = shared
    this.#lab = lab
    this.#disk = disk
    this.#faults = faults
    this.findings = findings
  }

  /** The last process has closed its broker. */
  get isOver(): boolean {
    return this.#isOver
  }

  get said(): string {
    return `process ${this.#life}, ${this.#workload?.said}`
  }

  start(): void {
    const scheduler = this.#scheduler
    const life = this.#life
    const plan = this.#plan.disk?.lives[life] ?? null
    const main = scheduler.thread('main', life === 0 ? 'main' : `main of ${life}`)
    scheduler.plan(main, life === 0 ? 0 : scheduler.chance.next() * 50, EVENT.act, () => {
      if (life > 0) this.#shared.wipe()
      this.#lab.onWentOn = () => undefined
      this.#lab.refuses = plan !== null && plan.failure !== null
      if (plan !== null) this.#arm(main, plan)
      const upcalls = { life, plan, disk: this.#disk, faults: this.#faults, main }
      const workload = new Workload(this.#plan, this.#lab, this.findings, upcalls)
      this.#workload = workload
      workload.live().then(
        () => this.#done(main, plan),
        (error: unknown) => {
          workload.failed(error, 'the workload failed')
          this.#done(main, plan)
        },
      )
    })
  }

  /** The application has nothing more to do. */
  #done(main: SimThread, plan: LifePlan | null): void {
    if (main.state !== 'alive') return
    if (plan === null) this.#isOver = true
    else this.#end('closed')
  }

  #arm(main: SimThread, { end, aim, afterMs, failure }: LifePlan): void {
    const scheduler = this.#scheduler
    const { chance } = scheduler
    const disk = this.#disk
    if (failure !== null) disk.failIn(failure.after, failure)
    if (end === 'closed') return
    const life = this.#life
    const ends = (): void => {
      if (life === this.#life) this.#end(end)
    }
    // When a group goes on after a standstill, what it hands out is least like what was written down before.
    this.#lab.recordsAfterStall = () => chance.between(5, chance.pick([30, 70]))
    const claiming = this.#plan.groups.filter(({ atMostOnce }) => atMostOnce).map(({ name }) => name)
    this.#lab.onWentOn = group => {
      if (aim !== 'standstill' || (claiming.length > 0 && !claiming.includes(group))) return
      scheduler.plan(main, chance.next() * chance.pick([0.1, 5]), EVENT.fault, ends)
    }
    if (aim === 'opening') disk.endIn(chance.between(1, OPENING_OPERATIONS), ends)
    const latestMs = aim === 'standstill' ? STANDSTILL_MS : afterMs
    scheduler.plan(main, latestMs, EVENT.fault, () => {
      const fuse = chance.between(1, chance.pick(FUSES))
      if (aim === 'moment' || aim === 'standstill') ends()
      else if (aim === 'operation') disk.endIn(fuse, ends)
      else if (aim === 'access') this.#doom(disk, fuse, ends)
    })
    scheduler.plan(main, latestMs + DOOMED_MS, EVENT.fault, ends)
  }

  /** The process ends when some thread of it has looked at shared memory so many times, or has ended. */
  #doom(disk: ProcessDisk, fuse: number, ends: () => void): void {
    const scheduler = this.#scheduler
    const thread = scheduler.chance.pick(scheduler.threads.filter(({ state }) => state === 'alive'))
    disk.doomed = thread
    thread.fuse = fuse
    thread.ending = { kind: 'terminated' }
    thread.onDeath.push(ends)
  }

  /** All threads of the process are gone, at this very step; another one opens its folder. */
  #end(how: 'closed' | 'killed' | 'power'): void {
    const disk = this.#disk
    const scheduler = this.#scheduler
    if (this.#isOver || scheduler.over) return
    const { hasFailed } = disk
    if (hasFailed) this.#lab.saw('failedDisk')
    const threads = scheduler.threads.filter(({ state }) => state !== 'dead')
    // What stops with the others may be what its end was to come from.
    this.#life++
    const wasClosed = how === 'closed' && this.#workload?.isClosed === true
    this.#lab.died(how, wasClosed && !hasFailed)
    for (const thread of threads) {
      // Whatever else was to come of its end.
      if (how !== 'closed') scheduler.trace?.(`${scheduler.stamp} ${thread.name} goes with its process`)
      scheduler.stop(thread, { kind: 'terminated' })
      if (thread.kind === 'main') this.#lab.ended(thread, false)
    }
    const held = disk.ended(how)
    if (how === 'power' && disk.disk.cutApart) this.#lab.saw('tornApart')
    const isStored = this.#plan.disk !== null && this.#plan.disk.durability !== 'memory'
    if (how !== 'closed' && isStored && this.#lab.hasClaims) this.#lab.saw('claimsAfterDeath')
    this.#lab.hasClaims = false
    if (wasClosed && held.length > 0)
      this.findings.problems.push(`U7: ${held.join()} is held after the broker was closed`)
    this.start()
  }
}
