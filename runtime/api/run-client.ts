/** A run as callers hold it: wait for it, pause it, stop it, hear when it gave up. The creating thread. */

import { offAbort, onAbort } from '../base/abort-listeners.ts'
import type { RunObserver } from '../embedded/open-runs.ts'
import type { Session } from '../embedded/session.ts'
import { runEnded, stopRun } from '../embedded/sole-member.ts'
import { checkStopOptions } from '../options/common-options.ts'
import type { CloseOptions } from '../words/common-options.ts'
import { MillraceError } from '../words/errors.ts'
import type { Group } from '../words/group.ts'
import type { GroupStats } from '../words/listing.ts'
import type { Run, StopReport } from '../words/run.ts'

/** The calls of its group that a run uses, for any type of value. */
type RunsGroup = Pick<Group<never>, 'name' | 'topic' | 'stats' | 'lag'> & { idle(): Promise<void> }

/** The number of each run, for tests that break things on purpose; not in the door. */
export const runNumbers: WeakMap<object, number> = new WeakMap()

export class RunClient<R> implements Run<R>, RunObserver {
  readonly finished: Promise<void>
  readonly #session: Session
  readonly #group: RunsGroup
  readonly #run: number
  readonly #release: () => void
  readonly #signal: AbortSignal | undefined
  #resolve: () => void = () => undefined
  #reject: (error: Error) => void = () => undefined
  #stopped: Promise<StopReport<R>> | null = null
  #failure: Error | null = null

  constructor(session: Session, group: RunsGroup, run: number, release: () => void, signal: AbortSignal | undefined) {
    this.#session = session
    this.#group = group
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

  readonly #aborted = (): void => {
    this.stop().catch(() => undefined)
  }

  get group(): string {
    return this.#group.name
  }

  get topic(): string {
    return this.#group.topic
  }

  async idle(): Promise<void> {
    if (this.#failure !== null) throw this.#failure
    const failed = this.finished.then(() => undefined)
    const idle = Promise.race([this.#group.idle(), failed])
    await this.#session.unlessInside(this.#run, idle, () => {
      idle.catch(() => undefined)
      throw new MillraceError(
        'MILL_DEADLOCK',
        `a handler of group ${this.group} waits for its own group to be idle, which it is not before that handler has returned: do not await idle() there`,
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
      const { topic, group } = this
      // Otherwise the failure may stay unreported.
      stopped.catch((error: Error) => this.#session.events.emit('failed', { topic, group, error }))
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
    this.#session.events.emit('failed', { topic: this.topic, group: this.group, error })
  }

  #end(): void {
    if (this.#signal !== undefined) offAbort(this.#signal, this.#aborted)
    runEnded(this.#session, this.#run, this.#release)
  }

  stats(): Promise<GroupStats> {
    return this.#group.stats()
  }

  lag(): Promise<number> {
    return this.#group.lag()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
