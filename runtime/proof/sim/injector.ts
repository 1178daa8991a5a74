/**
 * Lets faults befall threads while the simulation runs: which, when and where is drawn from the seed.
 */

import type { PartitionHostBoot } from '../../wire/host-calls.ts'
import { FAULT_ARMED, FAULT_POINT } from '../../wire/layout.ts'
import type { Lab } from './lab.ts'
import type { Plan } from './plan.ts'
import { EVENT, type Scheduler, type SimThread } from './scheduler.ts'
import type { SharedBytes } from './sim-memory.ts'
import type { SimPort } from './sim-port.ts'
import type { ThreadFaults } from './sim-threads.ts'
import type { Simulated } from './sim-world.ts'

/** Between a dead letter and what is told of it a successor finds most to repeat: twice as often as the others. */
const POINTS = [
  ...Object.values(FAULT_POINT).filter(point => point !== FAULT_POINT.none),
  FAULT_POINT.betweenDeadLetterAndVerdict,
  FAULT_POINT.betweenVerdictAndRelease,
]
const HOUR_MS = 3_600_000
/** Accesses to shared memory until a doomed thread stops, at most. */
const FUSE_MAX = 60

export class Injector implements ThreadFaults {
  readonly zombieShare: number
  readonly lossShare: number
  readonly #aimsAtLetters: boolean
  readonly #plan: Plan
  readonly #scheduler: Scheduler
  readonly #shared: SharedBytes
  readonly #lab: Lab
  readonly #ports: readonly SimPort[]
  /** Address of the words that stop partition hosts at named points. */
  #faultWords = -1
  #active = true
  /** Faults left: a broker that is never left alone gets nowhere. */
  #left: number

  constructor(plan: Plan, scheduler: Scheduler, shared: SharedBytes, lab: Lab, ports: readonly SimPort[]) {
    this.#plan = plan
    this.#scheduler = scheduler
    this.#shared = shared
    this.#lab = lab
    this.#ports = ports
    const { faults } = plan
    this.#aimsAtLetters = faults.has('fullDeadLetters') && faults.has('hostDeathAtPoint')
    this.#left = this.#aimsAtLetters ? 12 : scheduler.chance.between(3, 30)
    this.zombieShare = plan.faults.has('zombie') ? 0.4 : 0
    this.lossShare = plan.faults.has('lostMessages') ? 0.5 : 0
    scheduler.onFreeze = thread => this.#frozen(thread)
  }

  started(thread: SimThread, data: unknown): void {
    if (thread.kind === 'partition') this.#faultWords = (data as { readonly boot: PartitionHostBoot }).boot.fault
  }

  zombie(_thread: SimThread): void {
    this.#lab.saw('zombie')
  }

  ending(thread: SimThread, unseen: boolean): void {
    this.#lab.ended(thread, unseen)
  }

  *portsOf(thread: SimThread): Iterable<SimPort> {
    if (this.lossShare > 0) this.#lab.saw('lostMessages')
    for (const port of this.#ports) if (port.owner === thread) yield port
  }

  /** A partition host stands at a fault point: it ends there. */
  #frozen(thread: SimThread): void {
    if (thread.kind !== 'partition') return
    this.#lab.saw('hostDeathAtPoint')
    const scheduler = this.#scheduler
    const [control] = this.#alive('control') as [SimThread]
    scheduler.plan(control, scheduler.chance.next() * 20, EVENT.fault, () => {
      this.#disarm()
      scheduler.stop(thread, { kind: 'exit', code: 1 })
    })
  }

  #disarm(): void {
    if (this.#faultWords !== -1) new Int32Array(this.#shared.buffer)[(this.#faultWords + FAULT_ARMED) >> 2] = 0
  }

  /** Faults befall threads from now on, again and again. */
  begin(main: SimThread, simulation: Simulated): void {
    const { chance } = this.#scheduler
    this.#active = true
    // Each process has some, however many there were before.
    this.#left = Math.max(this.#left, chance.below(8))
    const next = (): void => {
      this.#scheduler.plan(
        main,
        chance.next() * 2 * (this.#aimsAtLetters ? 30 : this.#plan.everyMs),
        EVENT.fault,
        () => {
          if (!this.#active || this.#left-- <= 0) return
          this.#befall(simulation)
          next()
        },
      )
    }
    next()
  }

  /** No more faults; what is doomed is spared. */
  end(): void {
    this.#active = false
    this.#disarm()
    for (const thread of this.#scheduler.threads) thread.fuse = Number.POSITIVE_INFINITY
  }

  #alive(...kinds: readonly string[]): SimThread[] {
    return this.#scheduler.threads.filter(({ kind, state }) => state === 'alive' && kinds.includes(kind))
  }

  #befall(simulation: Simulated): void {
    const { chance } = this.#scheduler
    const { faults } = this.#plan
    const kinds = (
      ['threadDeath', 'hostDeath', 'hostDeathAtPoint', 'pausedThread', 'pausedProcess', 'clockJump'] as const
    ).filter(kind => faults.has(kind))
    if (kinds.length === 0) return
    // A failure that is told while its dead letter has no room is rare, and a death just then rarer.
    const kind = this.#aimsAtLetters && chance.happens(0.8) ? 'hostDeathAtPoint' : chance.pick(kinds)
    switch (kind) {
      case 'threadDeath':
      case 'hostDeath': {
        const victims = this.#alive(kind === 'threadDeath' ? 'handler' : 'partition')
        if (victims.length === 0) return
        this.#doom(chance.pick(victims))
        this.#lab.saw(kind)
        break
      }
      case 'hostDeathAtPoint':
        if (this.#faultWords === -1) return
        new Int32Array(this.#shared.buffer)[(this.#faultWords + FAULT_ARMED) >> 2] = chance.pick(
          this.#aimsAtLetters && chance.happens(0.5) ? [FAULT_POINT.letterWaits] : POINTS,
        )
        break
      case 'pausedThread': {
        const victims = this.#alive('main', 'control', 'partition', 'handler')
        const victim = chance.pick(victims)
        // One that stands still already does not go on sooner for it.
        victim.freeAt = Math.max(victim.freeAt, this.#scheduler.now + chance.next() * chance.pick([20, 200, 3_000]))
        this.#lab.saw(kind)
        break
      }
      case 'pausedProcess': {
        const until = this.#scheduler.now + chance.pick([200, 1_000, 3_000])
        for (const thread of this.#scheduler.threads) thread.freeAt = Math.max(thread.freeAt, until)
        this.#lab.saw(kind)
        break
      }
      case 'clockJump':
        simulation.wallOffsetMs += chance.between(-1, 1) * chance.below(chance.pick([50, 5_000, HOUR_MS]))
        this.#lab.saw(kind)
        break
      default:
    }
  }

  /** Ends a thread: between two steps, or at some access to shared memory from now on. */
  #doom(thread: SimThread): void {
    const { chance } = this.#scheduler
    thread.ending = chance.happens(0.5)
      ? { kind: 'exit', code: chance.below(2) }
      : { kind: 'error', error: new Error('a fault') }
    if (chance.happens(0.3)) this.#scheduler.stop(thread, thread.ending)
    else thread.fuse = chance.between(1, FUSE_MAX)
  }
}
