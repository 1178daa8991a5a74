/**
 * A broker on simulated threads to which nothing happens but what a test does: how many steps each thread takes is exact.
 *
 * The test's process, in which the simulated world takes the place of Node's for good. One world per process.
 */
import type { DiskFile } from '../../log/disk/disk.ts'
import { Chance } from './chance.ts'
import { share } from './clone.ts'
import { ProcessDisk } from './process-disk.ts'
import { drainMicrotasks, EVENT, Scheduler, type SimThread } from './scheduler.ts'
import { SharedBytes, watchArena } from './sim-memory.ts'
import type { SimPort } from './sim-port.ts'
import type { ThreadFaults } from './sim-threads.ts'
import { enter, install } from './sim-world.ts'

const MEMORY_BYTES = 32 << 20
/** What a test does is over within this, in the time of the world. */
const DONE_MS_MAX = 120_000

/** Nothing happens by chance. */
class Calm extends Chance {
  override happens(): boolean {
    return false
  }
}

const NO_FAULTS: ThreadFaults = {
  zombieShare: 0,
  lossShare: 0,
  started: () => undefined,
  zombie: () => undefined,
  ending: () => undefined,
  portsOf: () => [],
}

/** Counts what is written to each file. */
class CountedDisk extends ProcessDisk {
  readonly writtenBytes = new Map<string, number>()

  override open(path: string, how: 'create' | 'write' | 'read'): DiskFile {
    const file = super.open(path, how)
    const write = file.write.bind(file)
    file.write = (parts, position) => {
      const bytes = parts.reduce((sum, { byteLength }) => sum + byteLength, 0)
      this.writtenBytes.set(path, (this.writtenBytes.get(path) ?? 0) + bytes)
      write(parts, position)
    }
    return file
  }
}

/** Steps by thread, as `partition 2`. */
export type Steps = ReadonlyMap<string, number>

export class CalmWorld {
  readonly #scheduler: Scheduler
  readonly #main: SimThread
  readonly #disk: CountedDisk

  constructor() {
    install()
    watchArena()
    const buffer = new ArrayBuffer(MEMORY_BYTES)
    share(buffer)
    const chance = new Calm(1)
    const scheduler = new Scheduler(chance, chance)
    const shared = new SharedBytes(buffer, new Uint8Array(MEMORY_BYTES), new Int32Array(MEMORY_BYTES / 4), scheduler)
    scheduler.memory = shared
    const ports: SimPort[] = []
    const disk = new CountedDisk(scheduler, 1)
    enter({
      scheduler,
      shared,
      faults: NO_FAULTS,
      ports,
      disk,
      wallOffsetMs: 0,
      load: url => new Error(`nothing is loaded from ${url}`),
    })
    this.#disk = disk
    this.#scheduler = scheduler
    this.#main = scheduler.thread('main', 'main')
  }

  /** Bytes written to each file since this was asked for last. */
  takeWrittenBytes(): ReadonlyMap<string, number> {
    const written = new Map(this.#disk.writtenBytes)
    this.#disk.writtenBytes.clear()
    return written
  }

  /** Does something on the application's thread, and lets all threads go on until it is over. */
  act<T>(what: () => Promise<T>): T {
    let outcome: { readonly value: T } | { readonly error: unknown } | null = null
    this.#scheduler.plan(this.#main, 0, EVENT.act, () => {
      what().then(
        value => {
          outcome = { value }
        },
        (error: unknown) => {
          outcome = { error }
        },
      )
    })
    const isDone = this.#scheduler.run(() => outcome !== null, this.#scheduler.now + DONE_MS_MAX)
    const given = outcome as { readonly value: T } | { readonly error: unknown } | null
    if (!isDone || given === null) throw new Error(`it is not over after ${DONE_MS_MAX} ms`)
    if ('error' in given) throw given.error
    return given.value
  }

  /** Lets so much time pass in which the application does nothing; the steps that threads took. */
  rest(ms: number): Steps {
    const scheduler = this.#scheduler
    const before = new Map(scheduler.threads.map(({ name, steps }) => [name, steps]))
    let isOver = false
    scheduler.plan(this.#main, ms, EVENT.act, () => {
      isOver = true
    })
    scheduler.run(() => isOver, scheduler.now + ms + DONE_MS_MAX)
    drainMicrotasks()
    return new Map(scheduler.threads.map(({ name, steps }) => [name, steps - (before.get(name) ?? 0)]))
  }
}
