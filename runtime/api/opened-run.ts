/** A run as callers hold it, of a group or of a queue: wait for it, pause it, stop it, hear when it gave up. The creating thread. */

import { offAbort, onAbort } from '../base/abort-listeners.ts'
import type { OpenWork } from '../embedded/linger-watch.ts'
import type { RunObserver } from '../embedded/open-runs.ts'
import type { Session } from '../embedded/session.ts'
import { runEnded, stopRun } from '../embedded/sole-member.ts'
import { checkStopOptions } from '../options/common-options.ts'
import type { CloseOptions } from '../words/common-options.ts'
import { MillraceError } from '../words/errors.ts'
import type { StopReport } from '../words/run.ts'

/** Whose run it is. */
export interface RunOwner {
  /** As events name it. */
  readonly topic: string
  readonly group: string
  /** As people name it. */
  readonly what: 'group' | 'queue'
  idle(): Promise<void>
  /** Number of those that it has and has not settled. */
  unsettled(): Promise<number>
}

/** The number of each run, for tests that break things on purpose; not in the door. */
export const runNumbers: WeakMap<object, number> = new WeakMap()

export class OpenedRun<R> implements RunObserver {
  readonly finished: Promise<void>
  readonly #session: Session
  readonly #owner: RunOwner
  readonly #run: number
  readonly #release: () => void
  readonly #signal: AbortSignal | undefined
  #resolve: () => void = () => undefined
  #reject: (error: Error) => void = () => undefined
  #stopped: Promise<StopReport<R>> | null = null
  #failure: Error | null = null

  constructor(session: Session, owner: RunOwner, run: number, release: () => void, signal: AbortSignal | undefined) {
    this.#session = session
    this.#owner = owner
    this.#run = run
    this.#release = release
    this.#signal = signal
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // The broker's event reports a failure when `finished` has no handler.
    this.finished.catch(() => undefined)
    runNumbers.set(this, run)
    if (signal !== undefined) onAbort(signal, this.#aborted)
    session.runs.hold(run, this)
    if (signal?.aborted === true) this.#aborted()
  }

  get work(): OpenWork {
    const { topic, group, what } = this.#owner
    const unsettled = (): Promise<number> => this.#owner.unsettled()
    return what === 'queue' ? { topic, group, queue: topic, unsettled } : { topic, group, unsettled }
  }

  readonly #aborted = (): void => {
    this.stop().catch(() => undefined)
  }

  async idle(): Promise<void> {
    if (this.#failure !== null) throw this.#failure
    const failed = this.finished.then(() => undefined)
    const idle = Promise.race([this.#owner.idle(), failed])
    await this.#session.unlessInside(this.#run, idle, () => {
      idle.catch(() => undefined)
      const { what, group, topic } = this.#owner
      throw new MillraceError(
        'MILL_DEADLOCK',
        `a handler of ${what} ${what === 'group' ? group : topic} waits for its own ${what} to be idle, which it is not before that handler has returned: do not await idle() there`,
      )
    })
  }

  async pause(): Promise<void> {
    await this.#session.ask(control => control.pauseRun(this.#run))
  }

  async resume(): Promise<void> {
    await this.#session.ask(control => control.resumeRun(this.#run))
  }

  async stop(options?: CloseOptions): Promise<StopReport<R>> {
    const { timeoutMs } = checkStopOptions(options)
    this.#stopped ??= this.#stop(timeoutMs)
    const stopped = this.#stopped
    return this.#session.unlessInside(this.#run, stopped, () => {
      // Otherwise the failure may stay unreported.
      stopped.catch((error: Error) => this.#tellFailed(error))
      return { results: [] }
    })
  }

  async #stop(timeoutMs: number): Promise<StopReport<R>> {
    if (this.#failure !== null || this.#session.closed) {
      this.#end()
      return { results: [] }
    }
    try {
      const results = await stopRun(this.#session, this.#run, timeoutMs)
      return { results: results as R[] }
    } finally {
      this.#end()
      this.#resolve()
    }
  }

  closed(): void {
    this.#end()
    this.#resolve()
  }

  failed(error: Error): void {
    this.#failure = error
    this.#end()
    this.#reject(error)
    this.#tellFailed(error)
  }

  #tellFailed(error: Error): void {
    const { topic, group } = this.#owner
    this.#session.events.emit('failed', { topic, group, error })
  }

  #end(): void {
    if (this.#signal !== undefined) offAbort(this.#signal, this.#aborted)
    runEnded(this.#session, this.#run, this.#release)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
