/**
 * The handler threads of one run, and their supervision.
 *
 * The control thread. Each place in it is a member of the group; when its thread dies, its slots are fenced, the delivery that
 * was executing is charged, and a new life (handler-life.ts) takes the same partitions. Exits that no delivery can be charged
 * with count towards the restart intensity; one too many, and the run fails.
 */
import { CallError } from '../../actors/control-port.ts'
import { describe, type ExitReason } from '../../actors/exit-reason.ts'
import { HostPool } from '../../actors/host.ts'
import { SpareThreads } from '../../actors/host-thread.ts'
import { clearTimeout, setTimeout } from '../../actors/world.ts'
import { bundleOf } from '../base/bundle.ts'
import type { HandlerControlApi } from '../wire/control-calls.ts'
import type { RunShape } from '../wire/member-calls.ts'
import { MillraceError, toWire } from '../words/errors.ts'
import type { Catalog } from './catalog.ts'
import type { ThreadEntry } from './catalog-entries.ts'
import type { Coordinator } from './coordinator.ts'
import type { Crew, CrewThread } from './crew.ts'
import { HandlerLife, type LifeSetting, START_MS, type Threads } from './handler-life.ts'
import type { MemberHandle } from './member-handle.ts'
import type { PartitionHosts } from './partition-hosts.ts'
import { ownerOf } from './run-shape.ts'
import { SupervisorShell } from './supervisor-shell.ts'
import { refuse } from './taking-up.ts'

export interface ThreadCrewUpcalls {
  /** The control calls that handlers' publishing makes. */
  readonly api: HandlerControlApi
  restarted(thread: number, reason: string, restarts: number): void
  /** A thread has ended: what it left behind is drained and freed. */
  clientGone(thread: ThreadEntry): void
  /** It cannot go on. */
  failed(error: Error): void
}

/** Where it takes what its threads need from. */
export interface ThreadCrewParts {
  readonly catalog: Catalog
  readonly partitions: PartitionHosts
  readonly coordinator: Coordinator
}

interface Place extends CrewThread {
  readonly id: string
  readonly index: number
  readonly pool: HostPool
  life: HandlerLife | null
  isUp: boolean
  /** Members whose promises were pending when its last thread died, if that could be charged to none of them. */
  suspects: readonly number[]
  /** Of its first start; null: that is over. */
  first: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | null
}

/**
 * A thread that is told to end does so within 12 ms, or only when a native call returns; until then its partitions
 * wait. One that is fenced and then ends after all, as on a machine that is very busy, is given back like any other.
 */
const ZOMBIE_AFTER_MS = 100
/** A run that has lost a thread has a spare one ready for as long as this afterwards. */
const SPARE_MS = 60_000

export class ThreadCrew implements Crew {
  readonly #parts: ThreadCrewParts
  readonly #shape: RunShape
  readonly #upcalls: ThreadCrewUpcalls
  readonly #setting: LifeSetting
  readonly #places: readonly Place[]
  readonly #spare: SpareThreads
  readonly #supervisor: SupervisorShell
  /** Members that have loaded their handler and join with the last of them; null: each joins by itself. */
  #joining: Map<string, MemberHandle> | null = new Map()
  /** Threads that were fenced and abandoned, by place and incarnation: what they may write to is kept until they end. */
  readonly #zombies = new Map<string, () => void>()
  #isPaused = false
  #isEnding = false
  /** Why a partition could not be taken up, at last. */
  #refusal: Error | undefined
  #restarts = 0

  constructor(
    parts: ThreadCrewParts,
    shape: RunShape,
    threads: Threads,
    confirms: boolean,
    upcalls: ThreadCrewUpcalls,
  ) {
    const { catalog } = parts
    this.#parts = parts
    this.#shape = shape
    this.#upcalls = upcalls
    this.#setting = { catalog, shape, threads, confirms, api: upcalls.api, isEnding: () => this.#isEnding }
    const made = {
      behaviour: bundleOf(new URL('../delivery/handler-host.js', import.meta.url)),
      execArgv: threads.execArgv,
      ...(threads.resourceLimits === null ? {} : { resourceLimits: threads.resourceLimits }),
    }
    this.#spare = new SpareThreads(made)
    this.#places = Array.from({ length: threads.count }, (_, index) => ({
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
      life: null,
      isUp: false,
      suspects: [],
      first: null,
    }))
    const who = shape.topic.queue === undefined ? `${ownerOf(shape)} of topic ${shape.topic.name}` : ownerOf(shape)
    this.#supervisor = new SupervisorShell(threads.restart, {
      start: (id, incarnation) => void this.#start(this.#place(id), incarnation),
      // A run that is stopped lets its handlers finish; only one that gave up is cut short.
      stop: id => {
        if (!this.#isEnding) this.#place(id).life?.kill('its run gave up')
      },
      escalate: ({ reason, restarts, periodMs }) => {
        upcalls.failed(
          new MillraceError(
            'MILL_GAVE_UP',
            `${who} gave up: a handler thread ended ${restarts} times within ${periodMs} ms, at last because it ${describe(reason)}`,
            'error' in reason ? { cause: reason.error } : { cause: this.#refusal },
          ),
        )
      },
    })
  }

  #place(id: string): Place {
    const place = this.#places.find(each => each.id === id)
    if (place === undefined) throw new Error(`broken invariant: no handler thread ${id}`)
    return place
  }

  get memberIds(): readonly string[] {
    return this.#places.map(({ id }) => id)
  }

  get threads(): readonly CrewThread[] {
    return this.#places
  }

  get heldUp(): string {
    const { output } = this.#shape
    const isPut = output === null ? '' : ` (a handler was busy, or topic ${output} has no room for what it puts out)`
    return `its threads were ended${isPut}`
  }

  async start(): Promise<void> {
    const loaded = this.#places.map(
      place =>
        new Promise<void>((resolve, reject) => {
          place.first = { resolve, reject }
        }),
    )
    for (const { id, index } of this.#places) this.#supervisor.add(id, index)
    try {
      await Promise.all(loaded)
    } catch (error) {
      await this.end(0)
      throw error
    }
    // Together, so that the first does not build up state for partitions that the others then take from it.
    const together = new Map(this.#joining ?? [])
    this.#joining = null
    void this.#parts.coordinator.up(together).catch((error: unknown) => {
      for (const handle of together.values()) refuse(handle, error)
    })
  }

  async #start(place: Place, incarnation: number): Promise<void> {
    const { catalog, partitions, coordinator } = this.#parts
    let life: HandlerLife | null = null
    try {
      const thread = catalog.addThread()
      await partitions.all((api, index) => {
        const link = thread.place.links[index] as ThreadEntry['place']['links'][number]
        return api.addThread({ thread: thread.place.thread, bell: catalog.bellOf(thread), link })
      })
      if (this.#isEnding) {
        this.#upcalls.clientGone(thread)
        return
      }
      const born = new HandlerLife(this.#setting, place.pool, `handler thread ${place.index}`, thread)
      life = born
      place.life = born
      void born.exited.then(reason => this.#exited(place, incarnation, born, reason))
      await born.load()
      for (let told = false; told !== this.#isPaused; ) {
        told = this.#isPaused
        await born.pause(told)
      }
      // Its answer may have been on its way when it ended. A run that is ending has left its group, or is about to: who
      // joined it now would own partitions for ever.
      if (place.life !== born || this.#isEnding) return
      this.#supervisor.started(place.id, incarnation)
      place.isUp = true
      place.first?.resolve()
      place.first = null
      if (incarnation > 1) this.#spare.keep(SPARE_MS)
      const handle = born.handle(place.suspects, error => {
        this.#refusal = error
      })
      place.suspects = []
      if (this.#joining === null) await coordinator.up(new Map([[place.id, handle]]))
      else this.#joining.set(place.id, handle)
    } catch (error) {
      this.#failedToStart(place, incarnation, life, error)
    }
  }

  #failedToStart(place: Place, incarnation: number, life: HandlerLife | null, error: unknown): void {
    const { first } = place
    // A thread that ended says by its exit why; only one that lives and does not answer is told of here.
    if (life !== null && error instanceof CallError && error.failure.kind !== 'deadline') return
    place.first = null
    if (life === null) {
      first?.reject(error)
      this.#supervisor.exited(place.id, incarnation, { kind: 'loadFailed', error: toWire(error) }, false)
      return
    }
    life.kill(`its handler could not be loaded: ${(error as Error).message}`)
    const isLate = error instanceof CallError
    first?.reject(
      isLate
        ? new MillraceError('MILL_HANDLER', `the handler module did not finish loading within ${START_MS} ms`)
        : error,
    )
  }

  async #exited(place: Place, incarnation: number, life: HandlerLife, reason: ExitReason): Promise<void> {
    const { catalog, partitions, coordinator } = this.#parts
    const { thread } = life
    life.close()
    catalog.wakeAll()
    const over =
      reason.kind === 'zombie'
        ? new Promise<void>(resolve => this.#zombies.set(`${place.index}/${life.incarnation}`, resolve))
        : Promise.resolve()
    const { isUp: wasUp, first } = place
    this.#joining?.delete(place.id)
    place.isUp = false
    place.life = null
    place.first = null
    first?.reject(
      new MillraceError('MILL_HANDLER', `a handler thread ended while it was started: it ${describe(reason)}`),
    )
    const fence = (): Promise<void> =>
      wasUp ? partitions.settled(coordinator.down(place.id, slot => life.crash(slot, reason))) : Promise.resolve()
    // Of a run that has not begun nothing is replaced: its start fails.
    if (this.#isEnding || first !== null) await fence()
    else {
      const charged = life.isCharged
      place.suspects = life.suspects(coordinator.group.slots.values())
      const fenced = fence()
      if (this.#supervisor.exited(place.id, incarnation, reason, charged))
        this.#upcalls.restarted(place.index, describe(reason), ++this.#restarts)
      await fenced
    }
    void over.then(() => this.#upcalls.clientGone(thread))
  }

  /** Its members have joined when they were started. */
  async join(): Promise<void> {}

  watch(now: number, lateMs: number): number {
    let soonest = Number.POSITIVE_INFINITY
    if (this.#shape.handlerTimeoutMs === Number.POSITIVE_INFINITY) return soonest
    for (const { isUp, life } of this.#places) {
      if (!isUp || life === null) continue
      const leftMs = life.watch(now, lateMs)
      if (leftMs === 0) this.#spare.keep(SPARE_MS)
      else soonest = Math.min(soonest, leftMs)
    }
    return soonest
  }

  /** Tells the threads that are up; one that starts, or dies and starts again, is told when it has. */
  async pause(isPaused: boolean): Promise<void> {
    this.#isPaused = isPaused
    const told = this.#places.flatMap(({ isUp, life }) => (isUp && life !== null ? [life.pause(isPaused)] : []))
    for (const { reason } of (await Promise.allSettled(told)).filter(result => result.status === 'rejected')) {
      if (!(reason instanceof CallError) || reason.failure.kind === 'deadline') throw reason
    }
  }

  retire(): void {
    this.#isEnding = true
    this.#supervisor.stopAll()
  }

  async end(timeoutMs: number): Promise<void> {
    this.#isEnding = true
    const lives = this.#places.flatMap(({ life }) => life ?? [])
    for (const life of lives) life.end()
    const timer = setTimeout(() => {
      for (const life of lives) life.kill('its run has ended')
    }, timeoutMs)
    await Promise.all(lives.map(life => life.exited))
    clearTimeout(timer)
    this.#supervisor.stopAll()
    await Promise.all([this.#spare.close(), ...this.#places.map(({ pool }) => pool.close('its run has ended'))])
  }

  async fail(): Promise<void> {
    this.retire()
    await this.end(0)
  }
}
