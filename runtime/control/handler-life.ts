/**
 * One life of a handler thread: started, told to load its handler, a member of its group, and how it ended.
 *
 * The control thread. Its successor is another life; who starts it is thread-crew.ts. What the thread was doing when it ended
 * is read from its words in shared memory (crash-blame.ts).
 */
import type { MessagePort } from 'node:worker_threads'
import { Doorbell } from 'sharedarraybuffer-ring'
import { connect, type Remote, serve } from '../../actors/control-port.ts'
import { describe, type ExitReason } from '../../actors/exit-reason.ts'
import type { HostIncarnation, HostPool } from '../../actors/host.ts'
import { createChannel } from '../../actors/world.ts'
import type { HandlerControlApi, RunSpec } from '../wire/control-calls.ts'
import type { SlotCrash } from '../wire/host-calls.ts'
import { SLOT_ACTIVE, THREAD_BEAT, THREAD_RUNNING, THREAD_TURN } from '../wire/layout.ts'
import type { HandlerHostApi, HandlerHostBoot, RunShape } from '../wire/member-calls.ts'
import type { SlotPlace } from '../wire/places.ts'
import { toWire } from '../words/errors.ts'
import type { Catalog } from './catalog.ts'
import type { ThreadEntry } from './catalog-entries.ts'
import { executingSlot, pendingMembers } from './crash-blame.ts'
import type { MemberHandle } from './member-handle.ts'
import { type Sight, seen, UNSEEN } from './watchdog.ts'

/** An answer that is due at a time is waited for so much longer. */
const LATE_MS = 1_000

/** Loading a handler's module, and its `start`, may take this long. */
export const START_MS = 60_000

export type Threads = NonNullable<RunSpec['threads']>

/** What all threads of a run are started with. */
export interface LifeSetting {
  readonly catalog: Pick<Catalog, 'memory' | 'bellOf'>
  readonly shape: RunShape
  readonly threads: Pick<Threads, 'handler' | 'data'>
  /** Whether what is committed lags behind what returned: outputs are confirmed first. */
  readonly confirms: boolean
  /** The control calls that handlers' publishing makes. */
  readonly api: HandlerControlApi
  /** Whether the run is being stopped, or has failed. */
  readonly isEnding: () => boolean
}

export class HandlerLife {
  readonly thread: ThreadEntry
  readonly incarnation: number
  readonly exited: Promise<ExitReason>
  readonly #setting: LifeSetting
  readonly #host: HostIncarnation
  readonly #port: MessagePort
  readonly #remote: Remote<HandlerHostApi>
  /** As its handler was loaded. */
  #keepsSnapshots = false
  #isTimedOut = false
  /** Messages of a queue for which it was ended. */
  readonly #cancelled: number[] = []
  /** What its predecessor had done and when says nothing of it, though the counts may be the same. */
  #sight: Sight = UNSEEN

  /** Starts the next thread of `pool`; `name`, for people. */
  constructor(setting: LifeSetting, pool: HostPool, name: string, thread: ThreadEntry) {
    const { catalog, shape, threads, api } = setting
    const { port1, port2 } = createChannel()
    const { handler, data } = threads
    const { place } = thread
    const boot: HandlerHostBoot = { memory: catalog.memory.handle, place, shape, handler, data, control: port2 }
    serve(port1, api, { ref: false })
    this.#setting = setting
    this.#port = port1
    this.#host = pool.start(boot, [port2])
    this.thread = thread
    this.incarnation = this.#host.incarnation
    this.exited = this.#host.exited
    this.#remote = connect<HandlerHostApi>(this.#host.port, { name, lost: this.exited, ref: true })
  }

  /** Resolves when its handler is loaded. Rejects with MILL_HANDLER, or a CallError. */
  async load(): Promise<void> {
    const loaded = this.#remote.withDeadline(START_MS).load()
    this.#host.loads(loaded)
    this.#keepsSnapshots = await loaded
  }

  async pause(isPaused: boolean): Promise<void> {
    const { run } = this.#setting.shape
    await (isPaused ? this.#remote.call.pause(run) : this.#remote.call.resume(run))
  }

  /** Asks it to end by itself. */
  end(): void {
    this.#remote.call.end().catch(() => undefined)
  }

  kill(why: string): void {
    this.#host.kill(why)
  }

  /** Its port is needed no more: it has ended. */
  close(): void {
    this.#port.close()
  }

  /** `suspects`: what the thread before it may have died of, of all its partitions. `refused`: it cannot take one. */
  handle(suspects: readonly number[], refused: (error: Error) => void): MemberHandle {
    const { run, prefetch, consumerPriority } = this.#setting.shape
    const remote = this.#remote
    return {
      run,
      prefetch,
      consumerPriority,
      thread: this.thread,
      // What is kept lags behind what was handled, as what is put out does.
      confirms: this.#setting.confirms || this.#keepsSnapshots,
      careful: async cursors => {
        const here = suspects.filter(cursor => cursors.includes(cursor))
        // Should it have ended, its exit is told behind this.
        if (here.length > 0) await remote.call.careful(here).catch(() => undefined)
      },
      assign: assignment => remote.withDeadline(START_MS).assign(run, assignment),
      revoke: (cursor, epoch, stop) => remote.withDeadline(2 ** 31 - 1).revoke(run, cursor, epoch, stop),
      cancel: (cursor, epoch, tag, withinMs) =>
        remote.withDeadline(withinMs + LATE_MS).cancel(run, cursor, epoch, tag, withinMs),
      endFor: async offset => {
        this.#endFor(offset)
        await this.exited
      },
      crashOf: async slot => this.crash(slot, await this.exited),
      grown: topics => void remote.call.grown(topics).catch(() => undefined),
      refused: error => {
        refused(error as Error)
        this.kill((error as Error).message)
      },
    }
  }

  /** Ends it to cancel a message that it handles; a time-out that has ended it comes first. */
  #endFor(offset: number): void {
    if (this.#isTimedOut) return
    this.#cancelled.push(offset)
    this.kill(`message ${offset}, which it handled, was cancelled`)
  }

  /** Whether its end can be charged to one record, or is to be charged to none. */
  get isCharged(): boolean {
    return this.#cancelled.length > 0 || executingSlot(this.#setting.catalog.memory, this.thread) !== 0
  }

  /** Members with a record that may have ended it, if it can be charged to none. `held`: the slots of its group. */
  suspects(held: Iterable<SlotPlace>): readonly number[] {
    const { catalog, shape } = this.#setting
    return this.isCharged ? [] : pendingMembers(catalog.memory, this.thread, held, shape.atMostOnce)
  }

  /** What its end, for this reason, says of the record in that slot. */
  crash(slot: SlotPlace, reason: ExitReason): SlotCrash {
    const { catalog, shape, isEnding } = this.#setting
    const timedOut = this.#isTimedOut
    // Whom we end because the run is over has not failed.
    const { kind } = reason.kind === 'zombie' ? reason.after : reason
    const released = isEnding() && !timedOut && (kind === 'killed' || kind === 'normal')
    const isCancelled = this.#cancelled.length > 0 && kind === 'killed'
    // A stack would be that of this call, which did not throw.
    const { stack: _, ...ended } = toWire(
      timedOut
        ? `the handler did not return within ${shape.handlerTimeoutMs} ms`
        : `the handler's thread ${describe(reason)}`,
    )
    return {
      reason: timedOut ? 'timeout' : 'crashed',
      error:
        'error' in reason && !timedOut ? toWire(Object.assign(new Error(reason.error.message), reason.error)) : ended,
      executing: !released && executingSlot(catalog.memory, this.thread) === slot.slot,
      charged: released || this.isCharged,
      ...(isCancelled ? { cancelled: this.#cancelled } : {}),
    }
  }

  /**
   * Ends it when it has not moved for too long while a handler is on the stack or its promise is pending: then what follows an
   * `await` in it may hold the loop. In how many ms it is due to be ended; 0: it was ended now; Infinity: it never is.
   */
  watch(now: number, lateMs: number): number {
    const { catalog, shape } = this.#setting
    const { handlerTimeoutMs } = shape
    if (this.#isTimedOut || this.#cancelled.length > 0) return Number.POSITIVE_INFINITY
    const { memory } = catalog
    const { place, slots } = this.thread
    const running = memory.load(place.address + THREAD_RUNNING) !== 0
    const pending = !running && slots.some(slot => memory.load(slot + SLOT_ACTIVE) > 0)
    // Both only grow, so that their sum changes with either.
    const moves = (memory.load(place.address + THREAD_TURN) + memory.load(place.address + THREAD_BEAT)) | 0
    this.#sight = seen(this.#sight, running || pending, moves, now, lateMs)
    if (!running && !pending) return Number.POSITIVE_INFINITY
    const leftMs = Math.max(0, this.#sight.since + handlerTimeoutMs - now)
    if (leftMs === 0) {
      this.#isTimedOut = true
      this.kill(`its handler did not return within ${handlerTimeoutMs} ms`)
    }
    // A loop that is free answers with a turn.
    if (pending) new Doorbell(memory, catalog.bellOf(this.thread)).ring()
    return leftMs
  }
}
