/**
 * The world that simulated threads live in, in place of Node's: put there once, over one simulation after the other.
 *
 * What a thread asks for is answered for the simulation under way and for the thread that is taking its step.
 */
import type { MessageChannel, MessagePort, Worker } from 'node:worker_threads'
import { type Pool, replacePools } from '../../../actors/pool.ts'
import { replaceWorld } from '../../../actors/world.ts'
import { replaceDisk } from '../../log/disk/world-disk.ts'
import type { ProcessDisk } from './process-disk.ts'
import { EVENT, type Event, type Scheduler, type SimThread, Stopped } from './scheduler.ts'
import { type SharedBytes, simMemory } from './sim-memory.ts'
import { SimPort } from './sim-port.ts'
import { SimControl, SimPool, type ThreadFaults } from './sim-threads.ts'

/** One simulation, as the world needs it. */
export interface Simulated {
  readonly scheduler: Scheduler
  readonly shared: SharedBytes
  readonly faults: ThreadFaults
  readonly ports: SimPort[]
  readonly disk: ProcessDisk
  /** What is added to the wall clock. */
  wallOffsetMs: number
  load(url: string): unknown
}

/** A timer as code sees it. */
class SimTimer {
  event: Event | null = null
  readonly repeats: number

  constructor(repeats: number) {
    this.repeats = repeats
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  hasRef(): boolean {
    return true
  }
}

/** Nanoseconds do not matter, and the year does not either. */
const EPOCH_MS = Date.UTC(2026, 0, 1)

let simulated: Simulated | null = null

/** Everything asked for from now on is asked of this simulation. */
export function enter(simulation: Simulated | null): void {
  simulated = simulation
}

function here(): Simulated {
  if (simulated === null || simulated.scheduler.over) throw new Stopped()
  return simulated
}

function self(scheduler: Scheduler): SimThread {
  if (scheduler.current === null) throw new Stopped()
  return scheduler.current
}

/** As Node: a delay that is none, or does not fit, is 1 ms. */
function delayOf(delayMs: number): number {
  return delayMs >= 1 && delayMs <= 2 ** 31 - 1 ? Math.trunc(delayMs) : 1
}

function arm(scheduler: Scheduler, timer: SimTimer, run: () => void, delayMs: number): void {
  const thread = self(scheduler)
  // The control thread's timers, and what repeats, are clocks; no input of anyone's.
  const kind = thread.kind === 'control' || timer.repeats > 0 ? EVENT.tick : EVENT.timer
  timer.event = scheduler.plan(thread, delayMs, kind, () => {
    if (timer.repeats > 0) arm(scheduler, timer, run, timer.repeats)
    run()
  })
}

function set(run: () => void, delayMs: number, repeats: boolean): NodeJS.Timeout {
  const { scheduler } = here()
  const delay = delayOf(delayMs)
  const timer = new SimTimer(repeats ? delay : 0)
  const thread = scheduler.current
  if (thread?.state === 'alive') arm(scheduler, timer, run, delay)
  return timer as unknown as NodeJS.Timeout
}

function clear(timer: NodeJS.Timeout | undefined): void {
  const event = (timer as unknown as SimTimer | undefined)?.event
  if (event != null) event.run = null
}

/** Puts the simulated world in place; once per process. */
export function install(): void {
  replaceWorld({
    nowMs: () => {
      const { scheduler } = here()
      scheduler.now += scheduler.lookMs
      return scheduler.now
    },
    wallMs: () => {
      const { scheduler, wallOffsetMs } = here()
      return Math.floor(EPOCH_MS + scheduler.now + wallOffsetMs)
    },
    random: () => here().scheduler.chance.next(),
    setTimeout: (run, delayMs) => set(run, delayMs, false),
    clearTimeout: clear,
    setInterval: (run, delayMs) => set(run, delayMs, true),
    clearInterval: clear,
    setImmediate: run => {
      const { scheduler } = here()
      const thread = self(scheduler)
      if (thread.state !== 'alive') return
      const { chance } = scheduler
      const at = Math.max(scheduler.now + chance.next() * chance.pick([0.001, 0.02, 0.5]), thread.lastImmediate)
      thread.lastImmediate = at
      scheduler.plan(thread, at - scheduler.now, EVENT.immediate, () => run())
    },
    queueMicrotask: run => {
      const { scheduler } = here()
      const thread = self(scheduler)
      globalThis.queueMicrotask(() => {
        if (thread.state !== 'alive' || scheduler.over) return
        try {
          run()
        } catch (error) {
          scheduler.threw(thread, error)
        }
      })
    },
    createChannel: () => {
      const { scheduler, ports } = here()
      return SimPort.pair(scheduler, port => ports.push(port)) as unknown as MessageChannel
    },
    receiveMessage: port => (port as unknown as SimPort).receive(),
    startWorker: () => {
      const { scheduler, faults } = here()
      return new SimControl(scheduler, faults) as unknown as Worker
    },
    importModule: url => {
      const module = here().load(url)
      return module instanceof Error ? Promise.reject(module) : Promise.resolve(module)
    },
    viewMemory: () => simMemory(here().shared),
    allocateMemory: () => simMemory(here().shared),
  })
  replaceDisk({
    openDisk: () => here().disk,
    lockDirectory: async directory => here().disk.lock(directory),
    holdsFolder: () => true,
    uniqueBytes: bytes => {
      const { chance } = here().scheduler
      return Uint8Array.from({ length: bytes }, () => chance.below(256))
    },
  })
  replacePools(() => {
    const { scheduler, faults } = here()
    return new SimPool(scheduler, faults) as unknown as Pool
  })
}

/** A port as code that is typed for Node's wants it. */
export type PortLike = MessagePort
