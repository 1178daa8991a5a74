/**
 * One host thread at a time: starts it, ends it, and reports its end only when it has ended.
 *
 * Runs on the thread that owns the hosts (the control thread, itself a worker). Every incarnation is a Piscina pool of
 * exactly one thread with one task, and the pool dies with it. A thread is never used twice, since timers and globals
 * of a behaviour that returned would live on in the next one. A Piscina pool whose replacement thread dies before it is
 * ready would leave the queued task pending for ever.
 *
 * Invariants:
 *  - at most one incarnation has not exited; `start` before that is misuse;
 *  - `exited` resolves after the thread's real 'exit' (its memory is no longer written), except with reason 'zombie';
 *  - a zombie may still write: its writes must be fenced by the incarnation number;
 *  - `exited` and `started` never reject;
 *  - no thread is spawned that was not asked for by `start`; a spare one is its owner's affair.
 */

import type { MessagePort, TransferListItem } from 'node:worker_threads'
import type { BootTask } from './boot.ts'
import { toWire, type WireError } from './error-wire.ts'
import { classify, type ExitReason, type Outcome } from './exit-reason.ts'
import { bootNotice, HostThread, type SpareThreads, type ThreadOptions } from './host-thread.ts'
import { patience } from './patience.ts'
import { createChannel } from './world.ts'

/** How the threads of a `HostPool` are made. */
export interface HostPoolOptions extends ThreadOptions {
  /** Name in error messages. */
  readonly name: string
  /** Time, in ms, after which a thread that was requested to end is a zombie. Default 2,000; Infinity: never. */
  readonly zombieAfterMs?: number
  /** Spare thread that `start` takes, if one is ready; made with the same options as this pool. */
  readonly spare?: SpareThreads
  /** Called when the thread of a zombie has ended after all. */
  readonly onLateExit?: (incarnation: number, code: number) => void
}

/** One life of a host thread. */
export interface HostIncarnation {
  /** Number from 1, one higher at each `start`: the epoch that fences this life's writes. */
  readonly incarnation: number
  /** This side of the channel to the behaviour. It closes when the thread ends. */
  readonly port: MessagePort
  readonly threadId: Promise<number>
  /** True when the behaviour's module is loaded and `behave` is being called; false when the thread ended before. */
  readonly started: Promise<boolean>
  readonly exited: Promise<ExitReason>
  /** The thread loads modules until `more` is settled: `kill` waits for that, for a second at most. */
  loads(more: Promise<unknown>): void
  /**
   * Ends the thread, cooperating or not, when it has loaded its modules; `why` goes into the reason. No effect on one that
   * is ending.
   */
  kill(why?: string): void
}

const ZOMBIE_AFTER_MS = 2_000

/** A host: a thread that can be started again each time it has ended. */
export class HostPool {
  readonly #options: HostPoolOptions
  #incarnation = 0
  #live: HostIncarnation | undefined
  #closed = false

  constructor(options: HostPoolOptions) {
    this.#options = options
  }

  /**
   * Starts the next incarnation. `data` is cloned; objects in `transferList` are moved.
   *
   * @throws TypeError when the pool is closed or the last incarnation has not exited.
   */
  start(data: unknown, transferList: readonly TransferListItem[] = []): HostIncarnation {
    if (this.#closed) throw new TypeError(`host ${this.#options.name} is closed`)
    if (this.#live !== undefined)
      throw new TypeError(`host ${this.#options.name}: incarnation ${this.#incarnation} has not exited`)
    const live = startThread(this.#options, this.#incarnation + 1, data, transferList)
    this.#incarnation = live.incarnation
    this.#live = live
    void live.exited.then(() => {
      this.#live = undefined
    })
    return live
  }

  /** The incarnation that has not exited, if any. */
  get live(): HostIncarnation | undefined {
    return this.#live
  }

  /** Kills what runs and resolves when it has exited or is a zombie. Nothing starts afterwards. */
  async close(why = 'its host was closed'): Promise<void> {
    this.#closed = true
    const live = this.#live
    if (live === undefined) return
    live.kill(why)
    await live.exited
  }
}

function startThread(
  options: HostPoolOptions,
  incarnation: number,
  data: unknown,
  transferList: readonly TransferListItem[],
): HostIncarnation {
  const thread = options.spare?.take() ?? new HostThread(options)
  const { pool, worker } = thread
  const { port1, port2 } = createChannel()
  let outcome: Outcome | undefined
  let crash: WireError | undefined
  let killedWhy: string | undefined
  let ending = false
  let patient = (): void => {}
  let isZombie = false
  let resolveStarted: (started: boolean) => void = () => {}
  let resolveExited: (reason: ExitReason) => void = () => {}
  const started = new Promise<boolean>(resolve => {
    resolveStarted = resolve
  })
  const exited = new Promise<ExitReason>(resolve => {
    resolveExited = resolve
  })

  const evidence = (): Exclude<ExitReason, { readonly kind: 'zombie' }> =>
    classify({
      ...(outcome === undefined ? {} : { outcome }),
      ...(crash === undefined ? {} : { crash }),
      ...(killedWhy === undefined ? {} : { killedWhy }),
    })

  const end = (): void => {
    if (ending) return
    ending = true
    patient = patience(options.zombieAfterMs ?? ZOMBIE_AFTER_MS, () => {
      isZombie = true
      // Piscina refs the worker of a destroyed pool; a zombie must not keep the process alive.
      worker.unref()
      port1.close()
      resolveStarted(false)
      resolveExited({ kind: 'zombie', after: evidence() })
    })
    thread.end()
  }

  worker.on('message', (message: unknown) => {
    const notice = bootNotice(message)
    if (notice?.millrace === 'started') resolveStarted(true)
    // Richer than the 'error' event, and never later than 'exit', which drains this port first.
    else if (notice?.millrace === 'uncaught') crash = notice.error
  })
  // Both come before Piscina's own listeners, which would spawn a replacement thread.
  worker.prependListener('error', (error: unknown) => {
    crash ??= toWire(error)
    end()
  })
  worker.prependOnceListener('exit', (code: number) => {
    end()
    patient()
    if (isZombie) {
      options.onLateExit?.(incarnation, code)
      return
    }
    resolveStarted(false)
    resolveExited(
      outcome === undefined && crash === undefined && killedWhy === undefined ? { kind: 'exit', code } : evidence(),
    )
  })

  const task: BootTask = { behaviour: String(options.behaviour), data, port: port2 }
  pool.run(task, { transferList: [port2, ...transferList] }).then(
    (answer: Outcome) => {
      if (ending) return
      outcome = answer
      end()
    },
    (error: unknown) => {
      // The boot module never rejects and a death is handled above. The remaining case is a task that cannot be posted.
      if (ending) return
      outcome = { kind: 'loadFailed', error: toWire(error) }
      port2.close()
      end()
    },
  )

  return {
    incarnation,
    port: port1,
    threadId: Promise.resolve(worker.threadId),
    started,
    exited,
    loads: more => thread.loads(more),
    kill: (why = 'no reason given') => {
      if (ending || killedWhy !== undefined) return
      killedWhy = why
      // A thread that has yet to start gets no request.
      resolveStarted(false)
      thread.whenLoaded(end)
    },
  }
}
