/**
 * Workers and pools of simulated threads, as session.ts and host.ts start and end them.
 *
 * What a worker runs is the real entry of the thread: `control`, or the `behave` of the behaviour that a pool was told.
 * A thread that is told to end goes on for a moment, and by chance for so long that it counts as a zombie.
 */
import { EventEmitter } from 'node:events'
import type { Behave, BootNotice, BootTask } from '../../../actors/boot.ts'
import { toWire } from '../../../actors/error-wire.ts'
import type { Outcome } from '../../../actors/exit-reason.ts'
import { control } from '../../control/control-start.ts'
import { spareHosts } from '../../control/spare-hosts.ts'
import { behave as behaveHandler } from '../../delivery/handler-host.ts'
import { behave as behavePartitions } from '../../host/partition-host.ts'
import type { ControlStart } from '../../wire/control-start.ts'
import { cloned } from './clone.ts'
import { type Ending, EVENT, type Scheduler, type SimThread, type ThreadKind } from './scheduler.ts'
import { SimPort } from './sim-port.ts'

/** What may happen to threads, and who wants to know. */
export interface ThreadFaults {
  /** Share of handler threads that do not end when they are told to. */
  readonly zombieShare: number
  readonly lossShare: number
  started(thread: SimThread, data: unknown): void
  zombie(thread: SimThread): void
  /** It is told to end, or has ended; `unseen`: it had ended by itself, and who tells it to does not know that yet. */
  ending(thread: SimThread, unseen: boolean): void
  portsOf(thread: SimThread): Iterable<SimPort>
}

let threadIds = 0

export class SimWorker extends EventEmitter {
  readonly threadId: number = ++threadIds
  readonly thread: SimThread
  readonly #scheduler: Scheduler
  readonly #faults: ThreadFaults
  readonly #owner: SimThread
  #ending = false
  #exited = false
  readonly #waiting: (() => void)[] = []

  constructor(scheduler: Scheduler, faults: ThreadFaults, kind: ThreadKind, name: string) {
    super()
    this.#scheduler = scheduler
    this.#faults = faults
    this.#owner = scheduler.current as SimThread
    this.thread = scheduler.thread(kind, name)
    this.thread.onDeath.push(ending => this.#died(ending))
  }

  ref(): void {}
  unref(): void {}

  /** Runs something on the thread that started this one. */
  tellOwner(delayMs: number, kind: number, run: () => void): void {
    this.#scheduler.plan(this.#owner, delayMs, kind, run)
  }

  start(work: () => void): void {
    const { chance } = this.#scheduler
    this.#scheduler.plan(this.thread, 20 + chance.next() * 20, EVENT.start, work)
  }

  end(): void {
    if (this.#ending) return
    this.#ending = true
    this.thread.isEnding = true
    this.#faults.ending(this.thread, this.thread.state === 'dead' && !this.#exited)
    const { chance } = this.#scheduler
    const zombie = this.thread.kind === 'handler' && chance.happens(this.#faults.zombieShare)
    if (zombie) this.#faults.zombie(this.thread)
    const delayMs = zombie ? 1_500 + chance.next() * 8_000 : chance.next() * chance.pick([0.1, 2, 12])
    this.tellOwner(delayMs, EVENT.exit, () => this.#scheduler.stop(this.thread, { kind: 'terminated' }))
  }

  terminate(): Promise<number> {
    this.end()
    return new Promise(resolve => {
      if (this.#exited) resolve(1)
      else this.#waiting.push(() => resolve(1))
    })
  }

  #died(ending: Ending): void {
    const scheduler = this.#scheduler
    const { chance } = scheduler
    this.#faults.ending(this.thread, false)
    const loses = chance.happens(this.#faults.lossShare)
    for (const port of this.#faults.portsOf(this.thread)) port.died(loses ? chance.below(3) : 0)
    this.tellOwner(chance.next() * 3, EVENT.exit, () => {
      this.#exited = true
      if (ending.kind === 'error') {
        this.emit('message', { millrace: 'uncaught', error: toWire(ending.error) })
        this.emit('error', ending.error)
      }
      this.emit('exit', ending.kind === 'exit' ? ending.code : 1)
      for (const resolve of this.#waiting) resolve()
    })
  }
}

const BEHAVIOURS: readonly (readonly [module: string, kind: ThreadKind, behave: Behave])[] = [
  ['partition-host', 'partition', behavePartitions as Behave],
  ['handler-host', 'handler', behaveHandler as Behave],
]

/** The behaviour whose module, or bundle, is at `url`. */
function behaviourAt(url: string): (typeof BEHAVIOURS)[number] {
  const found = BEHAVIOURS.find(([module]) => url.includes(`/${module}.`))
  if (found === undefined) throw new Error(`no simulated thread runs ${url}`)
  return found
}

/** A pool of one thread with one task. */
export class SimPool {
  readonly threads: SimWorker[]
  readonly #worker: SimWorker

  constructor(scheduler: Scheduler, faults: ThreadFaults) {
    // What it is to run is told in the same step.
    this.#worker = new SimWorker(scheduler, faults, 'handler', 'a host')
    this.threads = [this.#worker]
    this.#scheduler = scheduler
    this.#faults = faults
    this.#worker.start(() => this.#tell('loaded'))
  }

  readonly #scheduler: Scheduler
  readonly #faults: ThreadFaults

  #tell(millrace: BootNotice['millrace']): void {
    this.#worker.tellOwner(this.#scheduler.chance.next(), EVENT.message, () =>
      this.#worker.emit('message', { millrace }),
    )
  }

  on(): this {
    return this
  }

  run(given: unknown, { transferList }: { readonly transferList: readonly unknown[] }): Promise<Outcome> {
    const worker = this.#worker
    const { thread } = worker
    const task = cloned(given) as BootTask
    const [, kind, behave] = behaviourAt(task.behaviour)
    Object.assign(thread, { kind, name: `${kind} ${thread.id}` })
    for (const port of transferList) if (port instanceof SimPort) port.owner = thread
    this.#faults.started(thread, task.data)
    const { chance } = this.#scheduler
    return new Promise(resolve => {
      const answer = (outcome: Outcome): void =>
        worker.tellOwner(chance.next() * 2, EVENT.message, () => {
          if (thread.state === 'alive') resolve(outcome)
        })
      worker.start(() => {
        this.#tell('started')
        Promise.resolve(behave({ data: task.data, port: task.port, threadId: worker.threadId })).then(
          () => answer({ kind: 'normal' }),
          (error: unknown) => {
            if (thread.state === 'alive') answer({ kind: 'error', error: toWire(error) })
          },
        )
      })
    })
  }

  destroy(): Promise<void> {
    this.#worker.end()
    return Promise.resolve()
  }
}

/** The control thread: it starts when it is told its work. */
export class SimControl extends SimWorker {
  constructor(scheduler: Scheduler, faults: ThreadFaults) {
    super(scheduler, faults, 'control', 'control')
  }

  /** Null: there is no work. */
  postMessage(given: unknown, moved: readonly unknown[] = []): void {
    if (given === null) {
      this.end()
      return
    }
    const start = cloned(given) as ControlStart
    for (const port of moved) if (port instanceof SimPort) port.owner = this.thread
    this.start(() => control(start, spareHosts()))
  }
}
