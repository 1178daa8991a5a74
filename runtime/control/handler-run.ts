/**
 * One run of a handler on worker threads: its hosts, their supervision, and the watchdog's view of them.
 *
 * The control thread. Each host's thread is a member of the group; when it dies, its slots are fenced, the delivery
 * that was executing is charged, and a new incarnation takes the same partitions. Exits that no delivery can be charged
 * with count towards the restart intensity; one too many, and the run fails.
 */
import type { MessagePort } from 'node:worker_threads'
import { Doorbell } from 'sharedarraybuffer-ring'
import { CallError, type Calls, connect, type Remote, serve } from '../../actors/control-port.ts'
import { describe, type ExitReason } from '../../actors/exit-reason.ts'
import { type HostIncarnation, HostPool } from '../../actors/host.ts'
import { SpareThread } from '../../actors/host-thread.ts'
import { clearTimeout, createChannel, nowMs, setTimeout } from '../../actors/world.ts'
import { bundleOf } from '../thread/bundle.ts'
import type { HandlerControlApi, RunSpec, SabotageAim, SabotageReport } from '../wire/control-calls.ts'
import type { SlotCrash } from '../wire/host-calls.ts'
import {
  PHASE,
  type Phase,
  SLOT_ACTIVE,
  THREAD_BEAT,
  THREAD_HALT,
  THREAD_PHASE,
  THREAD_RUNNING,
  THREAD_TURN,
} from '../wire/layout.ts'
import type { HandlerHostApi, HandlerHostBoot, RunShape } from '../wire/member-calls.ts'
import type { SlotPlace } from '../wire/places.ts'
import { MillraceError, toWire } from '../words/errors.ts'
import type { Catalog } from './catalog.ts'
import type { ThreadEntry } from './catalog-entries.ts'
import { executingSlot, pendingMembers } from './crash-blame.ts'
import type { CrashOf, GroupCoordinator, MemberHandle } from './group-coordinator.ts'
import type { PartitionHosts } from './partition-hosts.ts'
import { SupervisorShell } from './supervisor-shell.ts'
import { type Sight, seen, UNSEEN } from './watchdog.ts'

export interface HandlerRunUpcalls {
  /** The control calls that handlers' publishing makes. */
  readonly api: HandlerControlApi
  restarted(thread: number, reason: string, restarts: number): void
  /** A thread has ended: what it left behind is drained and freed. */
  clientGone(thread: ThreadEntry): void
  gaveUp(error: MillraceError): void
}

interface Host {
  readonly id: string
  readonly index: number
  readonly pool: HostPool
  thread: ThreadEntry | null
  incarnation: HostIncarnation | null
  remote: Remote<HandlerHostApi> | null
  /** Whether it is a member: loaded, and known to the coordinator. */
  up: boolean
  /** As its handler was loaded last. */
  keepsSnapshots: boolean
  sight: Sight
  /** Members whose promises were pending when its last thread died, if that could be charged to none of them. */
  suspects: readonly number[]
}

type Threads = NonNullable<RunSpec['threads']>

/** Loading a handler's module, and its `start`, may take this long. */
const START_MS = 60_000
/**
 * A thread that is told to end does so within 12 ms, or only when a native call returns; until then its partitions
 * wait. One that is fenced and then ends after all, as on a machine that is very busy, is given back like any other.
 */
const ZOMBIE_AFTER_MS = 100
/** Tests wait as long as this for a thread to come to the phase in which it is to be ended. */
const HALT_MS_MAX = 2_000
/** A run that has lost a thread has a spare one ready for as long as this afterwards. */
const SPARE_MS = 60_000

export class HandlerRun {
  readonly shape: RunShape
  readonly #catalog: Catalog
  readonly #partitions: PartitionHosts
  readonly #coordinator: GroupCoordinator
  readonly #threads: Threads
  readonly #confirms: boolean
  readonly #upcalls: HandlerRunUpcalls
  readonly #hosts: Host[]
  readonly #spare: SpareThread
  readonly #supervisor: SupervisorShell
  /** Of the first start of each host. */
  readonly #firsts = new Map<string, { readonly resolve: () => void; readonly reject: (error: unknown) => void }>()
  /** Members that have loaded their handler and join with the last of them; null: each joins by itself. */
  #joining: Map<string, MemberHandle> | null = new Map()
  /** Lives that were ended because their handler took too long. */
  readonly #timedOut = new WeakSet<HostIncarnation>()
  /** Threads that were fenced and abandoned, by host and incarnation: what they may write to is kept until they end. */
  readonly #zombies = new Map<string, () => void>()
  #paused = false
  #ending = false
  /** Why a partition could not be taken up, at last. */
  #refusal: Error | undefined
  restarts = 0

  constructor(
    catalog: Catalog,
    partitions: PartitionHosts,
    coordinator: GroupCoordinator,
    shape: RunShape,
    threads: Threads,
    confirms: boolean,
    upcalls: HandlerRunUpcalls,
  ) {
    this.shape = shape
    this.#catalog = catalog
    this.#partitions = partitions
    this.#coordinator = coordinator
    this.#threads = threads
    this.#confirms = confirms
    this.#upcalls = upcalls
    const made = {
      behaviour: bundleOf(new URL('../delivery/handler-host.js', import.meta.url)),
      execArgv: threads.execArgv,
      ...(threads.resourceLimits === null ? {} : { resourceLimits: threads.resourceLimits }),
    }
    this.#spare = new SpareThread(made)
    this.#hosts = Array.from({ length: threads.count }, (_, index) => ({
      id: `${shape.run}.${index}`,
      index,
      pool: new HostPool({
        ...made,
        name: `millrace ${shape.topic.name}/${shape.group} ${index}`,
        zombieAfterMs: ZOMBIE_AFTER_MS,
        spare: this.#spare,
        onLateExit: incarnation => {
          const key = `${index}/${incarnation}`
          this.#zombies.get(key)?.()
          this.#zombies.delete(key)
        },
      }),
      thread: null,
      incarnation: null,
      remote: null,
      up: false,
      sight: UNSEEN,
      suspects: [],
      keepsSnapshots: false,
    }))
    this.#supervisor = new SupervisorShell(threads.restart, {
      start: (id, incarnation) => void this.#start(this.#host(id), incarnation),
      // A run that is stopped lets its handlers finish; only one that gave up is cut short.
      stop: id => {
        if (!this.#ending) this.#host(id).incarnation?.kill('its run gave up')
      },
      escalate: ({ reason, restarts, periodMs }) => {
        upcalls.gaveUp(
          new MillraceError(
            'MILL_GAVE_UP',
            `group ${shape.group} of topic ${shape.topic.name} gave up: a handler thread ended ${restarts} times within ${periodMs} ms, at last because it ${describe(reason)}`,
            'error' in reason ? { cause: reason.error } : { cause: this.#refusal },
          ),
        )
      },
    })
  }

  #host(id: string): Host {
    const host = this.#hosts.find(each => each.id === id)
    if (host === undefined) throw new Error(`broken invariant: no handler host ${id}`)
    return host
  }

  get memberIds(): readonly string[] {
    return this.#hosts.map(host => host.id)
  }

  /** Starts all threads and loads the handler in each; then they join the group. Rejects with MILL_HANDLER. */
  async start(): Promise<void> {
    const loaded = this.#hosts.map(
      host => new Promise<void>((resolve, reject) => this.#firsts.set(host.id, { resolve, reject })),
    )
    for (const [index, host] of this.#hosts.entries()) this.#supervisor.add(host.id, index)
    try {
      await Promise.all(loaded)
    } catch (error) {
      await this.end(0)
      throw error
    }
    // Together, so that the first does not build up state for partitions that the others then take from it.
    const together = new Map(this.#joining ?? [])
    this.#joining = null
    void this.#coordinator.up(together).catch(() => undefined)
  }

  async #start(host: Host, incarnation: number): Promise<void> {
    const first = this.#firsts.get(host.id)
    let life: HostIncarnation | null = null
    try {
      const thread = this.#catalog.addThread()
      await this.#partitions.all((api, index) => {
        const link = thread.place.links[index] as ThreadEntry['place']['links'][number]
        return api.addThread({ thread: thread.place.thread, bell: this.#catalog.bellOf(thread), link })
      })
      if (this.#ending) {
        this.#upcalls.clientGone(thread)
        return
      }
      life = this.#boot(host, incarnation, thread)
      const remote = host.remote as Remote<HandlerHostApi>
      const loaded = remote.withDeadline(START_MS).load()
      life.loads(loaded)
      host.keepsSnapshots = await loaded
      for (let told = false; told !== this.#paused; ) {
        told = this.#paused
        await (told ? remote.call.pause(this.shape.run) : remote.call.resume(this.shape.run))
      }
      // Its answer may have been on its way when it ended. A run that is ending has left its group, or is about to: who
      // joined it now would own partitions for ever.
      if (host.incarnation !== life || this.#ending) return
      this.#supervisor.started(host.id, incarnation)
      host.up = true
      first?.resolve()
      this.#firsts.delete(host.id)
      if (incarnation > 1) this.#spare.keep(SPARE_MS)
      const handle = this.#handle(host, thread, remote, life)
      if (this.#joining === null) await this.#coordinator.up(new Map([[host.id, handle]]))
      else this.#joining.set(host.id, handle)
    } catch (error) {
      if (life === null) {
        first?.reject(error)
        this.#firsts.delete(host.id)
        this.#supervisor.exited(host.id, incarnation, { kind: 'loadFailed', error: toWire(error) }, false)
        return
      }
      // A thread that ended says by its exit why; only one that lives and does not answer is told of here.
      if (error instanceof CallError && error.failure.kind !== 'deadline') return
      life.kill(`its handler could not be loaded: ${(error as Error).message}`)
      first?.reject(
        error instanceof CallError
          ? new MillraceError('MILL_HANDLER', `the handler module did not finish loading within ${START_MS} ms`)
          : error,
      )
      this.#firsts.delete(host.id)
    }
  }

  #boot(host: Host, incarnation: number, thread: ThreadEntry): HostIncarnation {
    const { port1, port2 } = createChannel()
    const boot: HandlerHostBoot = {
      memory: this.#catalog.memory.handle,
      place: thread.place,
      shape: this.shape,
      handler: this.#threads.handler,
      data: this.#threads.data,
      control: port2,
    }
    serve(port1, this.#upcalls.api, { ref: false })
    const life = host.pool.start(boot, [port2])
    host.thread = thread
    host.incarnation = life
    // What its predecessor had done and when says nothing of it, though the counts may be the same.
    host.sight = UNSEEN
    void life.exited.then(reason => this.#exited(host, incarnation, life, thread, port1, reason))
    host.remote = connect<HandlerHostApi>(life.port, {
      name: `handler thread ${host.index}`,
      lost: life.exited,
      ref: true,
    })
    return life
  }

  #handle(host: Host, thread: ThreadEntry, remote: Remote<HandlerHostApi>, life: HostIncarnation): MemberHandle {
    const { run } = this.shape
    return {
      run,
      thread,
      // What is kept lags behind what was handled, as what is put out does.
      confirms: this.#confirms || host.keepsSnapshots,
      cut: null,
      careful: async cursors => {
        const suspects = host.suspects.filter(cursor => cursors.includes(cursor))
        host.suspects = []
        // Should it have ended, its exit is told behind this.
        if (suspects.length > 0) await remote.call.careful(suspects).catch(() => undefined)
      },
      assign: assignment => remote.withDeadline(START_MS).assign(run, assignment),
      revoke: (cursor, epoch, stop) => remote.withDeadline(2 ** 31 - 1).revoke(run, cursor, epoch, stop),
      crashOf: async slot => this.#crash(thread, slot, await life.exited, life),
      grown: topics => void remote.call.grown(topics).catch(() => undefined),
      refused: error => {
        this.#refusal = error as Error
        life.kill(this.#refusal.message)
      },
    }
  }

  async #exited(
    host: Host,
    incarnation: number,
    life: HostIncarnation,
    thread: ThreadEntry,
    port: MessagePort,
    reason: ExitReason,
  ): Promise<void> {
    port.close()
    this.#catalog.wakeAll()
    const over =
      reason.kind === 'zombie'
        ? new Promise<void>(resolve => this.#zombies.set(`${host.index}/${life.incarnation}`, resolve))
        : Promise.resolve()
    const wasUp = host.up
    this.#joining?.delete(host.id)
    host.up = false
    host.incarnation = null
    host.remote = null
    host.thread = null
    const first = this.#firsts.get(host.id)
    first?.reject(
      new MillraceError('MILL_HANDLER', `a handler thread ended while it was started: it ${describe(reason)}`),
    )
    this.#firsts.delete(host.id)
    // Of a run that has not begun nothing is replaced: its start fails.
    if (this.#ending || first !== undefined) {
      if (wasUp) await this.#fence(host, slot => this.#crash(thread, slot, reason, life))
      void over.then(() => this.#upcalls.clientGone(thread))
      return
    }
    const charged = this.#executing(thread)
    const held = this.#coordinator.group.slots.values()
    host.suspects = charged ? [] : pendingMembers(this.#catalog.memory, thread, held, this.shape.atMostOnce)
    const fenced = wasUp ? this.#fence(host, slot => this.#crash(thread, slot, reason, life)) : Promise.resolve()
    if (this.#supervisor.exited(host.id, incarnation, reason, charged))
      this.#upcalls.restarted(host.index, describe(reason), ++this.restarts)
    await fenced
    void over.then(() => this.#upcalls.clientGone(thread))
  }

  #fence(host: Host, crashOf: CrashOf): Promise<void> {
    return this.#partitions.settled(this.#coordinator.down(host.id, crashOf))
  }

  #executing(thread: ThreadEntry): boolean {
    return executingSlot(this.#catalog.memory, thread) !== 0
  }

  #crash(thread: ThreadEntry, slot: SlotPlace, reason: ExitReason, life: HostIncarnation): SlotCrash {
    const timedOut = this.#timedOut.has(life)
    // Whom we end because the run is over has not failed.
    const { kind } = reason.kind === 'zombie' ? reason.after : reason
    const released = this.#ending && !timedOut && (kind === 'killed' || kind === 'normal')
    // A stack would be that of this call, and nobody threw.
    const { stack: _, ...ended } = toWire(
      timedOut
        ? `the handler did not return within ${this.shape.handlerTimeoutMs} ms`
        : `the handler's thread ${describe(reason)}`,
    )
    return {
      reason: timedOut ? 'timeout' : 'crashed',
      error:
        'error' in reason && !timedOut ? toWire(Object.assign(new Error(reason.error.message), reason.error)) : ended,
      executing: !released && executingSlot(this.#catalog.memory, thread) === slot.slot,
      charged: released || this.#executing(thread),
    }
  }

  /**
   * Ends threads that have not moved for too long while a handler is on the stack or its promise is pending: then what
   * follows an `await` in it may hold the loop. Answers as a `Look` does.
   */
  watch(now: number, late: number): number {
    const { handlerTimeoutMs } = this.shape
    let soonest = Number.POSITIVE_INFINITY
    if (handlerTimeoutMs === Number.POSITIVE_INFINITY) return soonest
    const { memory } = this.#catalog
    for (const host of this.#hosts) {
      const { thread, incarnation } = host
      if (!host.up || thread === null || incarnation === null || this.#timedOut.has(incarnation)) continue
      const { address } = thread.place
      const running = memory.load(address + THREAD_RUNNING) !== 0
      const pending = !running && thread.slots.some(slot => memory.load(slot + SLOT_ACTIVE) > 0)
      // Both only grow, so that their sum changes with either.
      const moves = (memory.load(address + THREAD_TURN) + memory.load(address + THREAD_BEAT)) | 0
      host.sight = seen(host.sight, running || pending, moves, now, late)
      if (!running && !pending) continue
      const left = host.sight.since + handlerTimeoutMs - now
      if (left <= 0) {
        this.#timedOut.add(incarnation)
        this.#spare.keep(SPARE_MS)
        incarnation.kill(`its handler did not return within ${handlerTimeoutMs} ms`)
      } else soonest = Math.min(soonest, left)
      // A loop that is free answers with a turn.
      if (pending) new Doorbell(memory, this.#catalog.bellOf(thread)).ring()
    }
    return soonest
  }

  async pause(): Promise<void> {
    this.#paused = true
    await this.#tellAll(api => api.pause(this.shape.run))
  }

  async resume(): Promise<void> {
    this.#paused = false
    await this.#tellAll(api => api.resume(this.shape.run))
  }

  /** Tells the threads that are up; one that starts, or dies and starts again, is told when it has. */
  async #tellAll(tell: (api: Calls<HandlerHostApi>) => Promise<void>): Promise<void> {
    const told = this.#hosts.flatMap(({ up, remote }) => (up && remote !== null ? [tell(remote.call)] : []))
    for (const { reason } of (await Promise.allSettled(told)).filter(result => result.status === 'rejected')) {
      if (!(reason instanceof CallError) || reason.failure.kind === 'deadline') throw reason
    }
  }

  /** Says that no thread is to be started again. */
  retire(): void {
    this.#ending = true
    this.#supervisor.stopAll()
  }

  /** Ends the threads; those that do not return within `timeoutMs` are killed. */
  async end(timeoutMs: number): Promise<void> {
    this.#ending = true
    const lives = this.#hosts.flatMap(host => host.incarnation ?? [])
    for (const host of this.#hosts) host.remote?.call.end().catch(() => undefined)
    const timer = setTimeout(() => {
      for (const life of lives) life.kill('its run has ended')
    }, timeoutMs)
    await Promise.all(lives.map(life => life.exited))
    clearTimeout(timer)
    this.#supervisor.stopAll()
    await Promise.all([this.#spare.close(), ...this.#hosts.map(host => host.pool.close('its run has ended'))])
  }

  /** Tests only: kills one thread, if it can in the phase `aim`, and says what it was doing when it died. */
  async kill(index: number, aim: SabotageAim): Promise<SabotageReport | null> {
    const host = this.#hosts[index]
    if (host === undefined) return null
    const starting = aim === 'starting'
    for (let waited = 0; waited < 200 && (host.thread === null || (aim !== 'any' && host.up === starting)); waited++)
      await new Promise(resolve => setTimeout(resolve, 5))
    const { incarnation, thread } = host
    if (incarnation === null || thread === null) return null
    const { memory } = this.#catalog
    const word = thread.place.address + THREAD_PHASE
    const wasUp = host.up
    if (aim !== 'any' && !starting) {
      memory.store(thread.place.address + THREAD_HALT, PHASE[aim] + 1)
      // The word is stored before the thread stands still in it.
      for (const until = nowMs() + HALT_MS_MAX; memory.load(word) !== PHASE[aim] && nowMs() < until; )
        await new Promise(resolve => setTimeout(resolve, 1))
    }
    incarnation.kill('a test ended it')
    await incarnation.exited
    const phase = (Object.keys(PHASE) as Phase[]).find(name => PHASE[name] === memory.load(word)) ?? 'starting'
    return { phase: wasUp ? phase : 'starting', executing: this.#executing(thread) }
  }

  get threads(): number {
    return this.#hosts.filter(host => host.incarnation !== null).length
  }
}
