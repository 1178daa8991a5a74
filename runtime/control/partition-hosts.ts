/**
 * The threads that own partitions: started, told what exists, and started again when they die.
 *
 * The control thread. A call to a host that dies in the middle is made again to its successor, which is why all calls
 * are idempotent. A successor is first told everything (threads, partitions, groups, open slots, then rings, so that
 * nothing is appended before what gates it is known). Bound: the broker's restart intensity; beyond it the broker fails, and
 * at once when a host ends whose disk had failed, or meets a disk that fails or is damaged as it starts: what that holds is
 * found out by who opens the folder again.
 */

import type { MessagePort } from 'node:worker_threads'
import { CallError, type Calls, connect, type Remote } from '../../actors/control-port.ts'
import { describe, type ExitReason } from '../../actors/exit-reason.ts'
import { type HostIncarnation, HostPool } from '../../actors/host.ts'
import type { SpareThreads } from '../../actors/host-thread.ts'
import { clearTimeout, createChannel, receiveMessage, setImmediate, setTimeout } from '../../actors/world.ts'
import type { HostNotice, PartitionHostApi, PartitionHostBoot } from '../wire/host-calls.ts'
import { MEMORY_TUNING, type MemoryTuning } from '../wire/memory-tuning.ts'
import type { StorePlace } from '../wire/places.ts'
import { closedError } from '../words/closed-error.ts'
import { type ErrorWire, fromWire, isMillraceError, MillraceError } from '../words/errors.ts'
import type { Catalog } from './catalog.ts'
import { HostFaults } from './host-faults.ts'
import { holdingsOf } from './host-holdings.ts'
import { hostThreads } from './spare-hosts.ts'
import { SupervisorShell } from './supervisor-shell.ts'

export interface PartitionHostsUpcalls {
  notice(host: number, notice: HostNotice): void
  restarted(host: number, reason: string, restarts: number): void
  gaveUp(error: MillraceError): void
}

interface Live {
  readonly incarnation: HostIncarnation
  readonly remote: Remote<PartitionHostApi>
}

interface Slot {
  readonly pool: HostPool
  /** One promise until it is kept, by whichever incarnation: who waits for a start may see it fail and be made again. */
  live: Promise<Live>
  isLive: boolean
  /** Settles the promise above. */
  resolve: (live: Live) => void
  reject: (error: Error) => void
  incarnation: HostIncarnation | null
  restarts: number
  /** Nobody knows any more what its disk holds. */
  diskFailure: Error | null
}

const FOR_EVER_MS = 2 ** 31 - 1
/** What the system says when there are too many of them. */
const OPEN_FILES: readonly string[] = ['EMFILE', 'ENFILE']
/** After a host has died, a spare thread is ready for its next death for as long as this. */
const SPARE_MS = 60_000

export class PartitionHosts {
  readonly #catalog: Catalog
  readonly #faults: HostFaults
  readonly #store: StorePlace | null
  readonly #tuning: MemoryTuning
  readonly #upcalls: PartitionHostsUpcalls
  readonly #slots: Slot[]
  readonly #spare: SpareThreads
  readonly #supervisor: SupervisorShell
  #closing = false
  #gaveUp = false

  constructor(
    catalog: Catalog,
    fault: number,
    store: StorePlace | null,
    restart: { readonly intensity: number; readonly periodMs: number },
    upcalls: PartitionHostsUpcalls,
    spare: SpareThreads,
    tuning: MemoryTuning = MEMORY_TUNING,
  ) {
    this.#tuning = tuning
    this.#catalog = catalog
    this.#faults = new HostFaults(catalog.memory, fault)
    this.#store = store
    this.#upcalls = upcalls
    this.#spare = spare
    this.#slots = catalog.hosts.map((_, host) => {
      const pool = new HostPool({
        ...hostThreads(),
        name: `millrace partitions ${host}`,
        spare: this.#spare,
        // Two writers of one window must never be: it runs no user code, so it ends, and its end is waited for.
        zombieAfterMs: Number.POSITIVE_INFINITY,
      })
      return { pool, ...pending(), isLive: false, incarnation: null, restarts: 0, diskFailure: null }
    })
    this.#supervisor = new SupervisorShell(restart, {
      start: (id, incarnation) => void this.#start(Number(id), incarnation),
      stop: id => this.#slots[Number(id)]?.incarnation?.kill('its broker gave up'),
      escalate: ({ id, reason, restarts, periodMs }) => {
        const how = `ended ${restarts} times within ${periodMs} ms, at last because it ${describe(reason)}`
        this.#giveUp(
          new MillraceError(
            'MILL_GAVE_UP',
            `partition host ${id} ${how}; the broker is closed. This is a defect of millrace: please report it`,
          ),
        )
      },
    })
    for (let host = 0; host < this.#slots.length; host++) this.#supervisor.add(String(host), host)
  }

  #giveUp(error: MillraceError): void {
    if (this.#gaveUp) return
    this.#gaveUp = true
    for (const slot of this.#slots) {
      slot.live.catch(() => undefined)
      slot.reject(error)
    }
    this.#upcalls.gaveUp(error)
  }

  #heard(host: number, notice: HostNotice): void {
    if (notice.kind === 'diskFailed') (this.#slots[host] as Slot).diskFailure = fromWire(notice.error)
    this.#upcalls.notice(host, notice)
  }

  async #start(host: number, incarnation: number): Promise<void> {
    const slot = this.#slots[host] as Slot
    const { port1, port2 } = createChannel()
    const boot: PartitionHostBoot = {
      memory: this.#catalog.memory.handle,
      host,
      address: (this.#catalog.hosts[host] as { address: number }).address,
      fault: this.#faults.addressOf(host),
      store: this.#store,
      tuning: this.#tuning,
    }
    const life = slot.pool.start({ boot, notices: port2 }, [port2])
    slot.incarnation = life
    port1.on('message', (notice: HostNotice) => this.#heard(host, notice))
    void life.exited.then(reason => this.#exited(host, incarnation, port1, reason))
    const remote = connect<PartitionHostApi>(life.port, {
      name: `partition host ${host}`,
      lost: life.exited,
      ref: true,
      // One for each partition of each group, at most.
      pendingMax: Number.POSITIVE_INFINITY,
    })
    try {
      await remote.call.restore(holdingsOf(this.#catalog, host))
      // Its answer may have been on its way when it ended.
      if (slot.incarnation !== life) return
      this.#supervisor.started(String(host), incarnation)
      slot.isLive = true
      if (incarnation > 1) this.#spare.keep(SPARE_MS)
      slot.resolve({ incarnation: life, remote })
    } catch (error) {
      if (this.#closing || slot.incarnation !== life) return
      // What the disk says now it says to a successor as well.
      if (isMillraceError(error, 'MILL_DISK') || isMillraceError(error, 'MILL_CORRUPT')) this.#giveUp(error)
      // Its own exit is what counts; if it lives it is of no use like this.
      life.kill(`it could not be told what exists: ${(error as Error).message}`)
    }
  }

  #exited(host: number, incarnation: number, notices: MessagePort, reason: ExitReason): void {
    const slot = this.#slots[host] as Slot
    slot.incarnation = null
    // Also what it said last.
    for (let said = receiveMessage(notices); said !== undefined; said = receiveMessage(notices))
      this.#heard(host, said.message as HostNotice)
    notices.close()
    this.#catalog.wakeAll()
    if (this.#closing) return
    if (slot.isLive) Object.assign(slot, pending(), { isLive: false })
    // Its last answers may still wait in its port: they are heard before a successor is told what exists, or that would
    // be told of what its predecessor has closed.
    setImmediate(() => {
      if (this.#closing || this.#gaveUp) return
      const { diskFailure } = slot
      if (diskFailure !== null) {
        const why = `partition host ${host} ${describe(reason)} after its disk had failed, and none may write in its place`
        const code = diskFailure instanceof MillraceError ? diskFailure.code : 'MILL_DISK'
        this.#giveUp(
          new MillraceError(code, `${why}; the broker is closed. ${diskFailure.message}`, { cause: diskFailure }),
        )
        return
      }
      const refusal = refusalOf(host, reason)
      if (refusal !== null) this.#giveUp(refusal)
      else if (this.#supervisor.exited(String(host), incarnation, reason, false))
        this.#upcalls.restarted(host, describe(reason), ++slot.restarts)
    })
  }

  /** Calls a host; again, when it dies before it has answered. */
  async call<T>(host: number, method: (api: Calls<PartitionHostApi>) => Promise<T>): Promise<T> {
    for (;;) {
      const { remote, incarnation } = await (this.#slots[host] as Slot).live
      try {
        return await method(remote.withDeadline(FOR_EVER_MS))
      } catch (error) {
        if (!(error instanceof CallError)) throw error
        if (this.#closing) throw closedError()
        await incarnation.exited
        // `exited` listeners ran in order: the slot's promise is already the successor's.
        await new Promise(setImmediate)
      }
    }
  }

  /**
   * Resolves when work is done whose failure nobody hears of: hosts that are gone for good fail it, and have told that by
   * themselves. Any other failure is a defect, and ends this thread.
   */
  async settled(work: Promise<unknown>): Promise<void> {
    try {
      await work
    } catch (error) {
      if (!this.#gaveUp && !this.#closing) throw error
    }
  }

  /** Calls all hosts. */
  all<T>(method: (api: Calls<PartitionHostApi>, host: number) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#slots.map((_, host) => this.call(host, api => method(api, host))))
  }

  /** Tests only: lets a host stand still when it comes to a named point of its work. False: it did not within 5 s. */
  halt(host: number, point: number): Promise<boolean> {
    return this.#faults.halt(host, point)
  }

  /** Tests only: ends a host, at once or at a named point of its work. False: it did not get there. */
  async kill(host: number, point: number): Promise<boolean> {
    const life = (this.#slots[host] as Slot).incarnation
    if (life === null) return false
    const reached = point === 0 || (await this.halt(host, point))
    this.#faults.disarm(host)
    if (!reached) return false
    life.kill('a test ended it')
    await life.exited
    return true
  }

  /** Restarts of all hosts. */
  get restarts(): number {
    return this.#slots.reduce((sum, slot) => sum + slot.restarts, 0)
  }

  /** Lets hosts bring what they have on disk into good order. */
  async stop(timeoutMs: number): Promise<void> {
    if (this.#store === null) return
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error('the log was not closed in time, and is recovered when it is opened next')),
        Math.min(timeoutMs, FOR_EVER_MS),
      )
    })
    try {
      await Promise.race([late, this.all(api => api.stop())])
    } finally {
      clearTimeout(timer)
    }
  }

  async close(): Promise<void> {
    this.#closing = true
    this.#supervisor.stopAll()
    await Promise.all([this.#spare.close(), ...this.#slots.map(slot => slot.pool.close('its broker was closed'))])
  }
}

/** What the system refuses a thread that starts it refuses its successor as well; null: it ended of something else. */
function refusalOf(host: number, reason: ExitReason): MillraceError | null {
  if (reason.kind !== 'loadFailed' || !OPEN_FILES.includes(String(reason.error.code))) return null
  const why = `partition host ${host} ${describe(reason)}`
  const advice = 'let this process have more open files (ulimit -n), and open the broker again'
  return new MillraceError('MILL_DISK', `${why}: ${advice}`, { cause: fromWire(reason.error as ErrorWire) })
}

function pending(): { live: Promise<Live>; resolve: (live: Live) => void; reject: (error: Error) => void } {
  let resolve: (live: Live) => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const live = new Promise<Live>((yes, no) => {
    resolve = yes
    reject = no
  })
  live.catch(() => undefined)
  return { live, resolve, reject }
}
