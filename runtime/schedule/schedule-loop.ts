/**
 * Runs one schedule: waits for its next tick, keeps what is decided, and then sends.
 *
 * The creating thread. A decision is kept before its messages are put in line, and while they are on their way nothing more is decided.
 * So what was kept last, and no more, may have to be sent again by the next process. Ticks that fall due meanwhile are decided
 * afterwards, by the same rules. What it does is asked of `ScheduleSeams`, so that a test may have any clock.
 *
 * Bounds: one timer, of at most WAIT_MS, since the wall clock may be set; the messages of one decision.
 */
import {
  pauseSchedule,
  resumeSchedule,
  type ScheduleState,
  type ScheduleStep,
  stepSchedule,
  type UnsentTicks,
} from './schedule-plan.ts'
import {
  type ScheduleDefinition,
  type ScheduleProgress,
  type Sending,
  type SendingPlace,
  ticksOf,
} from './schedule-record.ts'
import type { Ticks } from './ticks.ts'

/** Longest sleep: so late is a tick after the wall clock was set forward. */
const WAIT_MS = 60_000
/** What fails for a reason that may pass is tried again after so long. */
const RETRY_MS = 5_000

/** What became of the message of a tick in one place. */
export type TickAnswer =
  | { readonly how: 'sent'; readonly offset: number | null }
  | { readonly how: 'refused'; readonly error: Error }

/** What a schedule needs of its broker. */
export interface ScheduleSeams {
  /** Of the wall clock, which may be set. */
  nowMs(): number
  /** Calls `then` in so many ms; returns what prevents it. */
  wait(ms: number, then: () => void): () => void
  /** Decisions of all schedules of a broker, one at a time. */
  serially(task: () => Promise<void>): Promise<void>
  /** Resolves when it is durable. */
  keep(progress: ScheduleProgress): Promise<void>
  /** Where the messages of so many ticks go, with numbers for them. */
  places(count: number): Promise<readonly SendingPlace[]>
  /** Puts a message in line during the call. Rejects if what becomes of it is left to the next process, or to none. */
  send(place: SendingPlace, index: number, tickMs: number): Promise<TickAnswer>
  /** Whether the message at this offset is not settled. */
  isOpen(offset: number): Promise<boolean>
  /** Ticks were left out. */
  unsent(ticks: UnsentTicks): void
  /** The message of a tick was not taken; null: it has no target. */
  refused(tickMs: number, error: Error | null): void
  sent(): void
  /** It did not work. True: it may work later. False: the schedule is over, in this process at least. */
  mayGoOn(error: Error): boolean
}

/** One schedule. */
export class ScheduleLoop {
  readonly #seams: ScheduleSeams
  #definition: ScheduleDefinition
  #ticks: Ticks
  #progress: ScheduleProgress
  /** The first tick that is not decided, and behind which instant that is: a sleep is short, and a pattern is slow to read. */
  #due: { readonly afterMs: number; readonly tickMs: number | null } | null = null
  /** Before that it decides nothing: its target is not open. */
  #hasBegun = false
  #isSending = false
  #isOver = false
  #cancel: () => void = () => undefined

  constructor(definition: ScheduleDefinition, progress: ScheduleProgress, seams: ScheduleSeams) {
    this.#definition = definition
    this.#ticks = ticksOf(definition.rhythm)
    this.#progress = progress
    this.#seams = seams
  }

  get definition(): ScheduleDefinition {
    return this.#definition
  }

  get progress(): ScheduleProgress {
    return this.#progress
  }

  get hasBegun(): boolean {
    return this.#hasBegun
  }

  /** Sends again what was decided last, and goes on. Its messages are put in line during the call. */
  begin(): void {
    this.#hasBegun = true
    this.resend()
    this.#look()
  }

  /** Puts in line what was decided last and is not, during the call. Numbers of others must not go before. */
  resend(): void {
    const { sending } = this.#progress
    if (sending !== null && !this.#isSending && !this.#isOver) void this.#send(sending)
  }

  /** The next ticks after now. */
  next(count: number): number[] {
    const ticks: number[] = []
    if (this.#isOver || this.#progress.paused) return ticks
    let after = Math.max(this.#progress.decidedMs, this.#seams.nowMs())
    for (let tick = this.#ticks.next(after); tick !== null && ticks.length < count; tick = this.#ticks.next(after)) {
      ticks.push(tick)
      after = tick
    }
    return ticks
  }

  /** What is due goes first. If something is on its way, what is due behind it is missed. */
  pause(): Promise<void> {
    return this.#seams.serially(async () => {
      if (this.#hasBegun) await this.#decide().catch((error: Error) => this.#failed(error))
      const { state, unsent } = pauseSchedule(this.#ticks, this.#progress, this.#seams.nowMs())
      await this.#change(state)
      if (unsent !== null) this.#seams.unsent(unsent)
    })
  }

  resume(): Promise<void> {
    return this.#seams.serially(() => this.#change(resumeSchedule(this.#progress, this.#seams.nowMs())))
  }

  async #change({ decidedMs, paused }: ScheduleState): Promise<void> {
    await this.#seams.keep({ ...this.#progress, decidedMs, paused })
    // What was sent meanwhile stays sent.
    this.#progress = { ...this.#progress, decidedMs, paused }
    this.#look()
  }

  /** Has another definition from now on, which is kept. What is on its way goes where it was to go. */
  redefine(definition: ScheduleDefinition, progress: ScheduleProgress): void {
    this.#definition = definition
    this.#ticks = ticksOf(definition.rhythm)
    this.#due = null
    this.#progress = progress
    this.#look()
  }

  /** Decides nothing any more. */
  end(): void {
    this.#isOver = true
    this.#cancel()
  }

  #look(): void {
    this.#cancel()
    if (!this.#hasBegun || this.#isOver || this.#isSending || this.#progress.paused) return
    const { decidedMs: afterMs } = this.#progress
    if (this.#due?.afterMs !== afterMs) this.#due = { afterMs, tickMs: this.#ticks.next(afterMs) }
    const { tickMs } = this.#due
    if (tickMs === null) return
    const left = tickMs - this.#seams.nowMs()
    if (left > 0) this.#sleep(Math.min(left, WAIT_MS))
    else this.#seams.serially(() => this.#decide()).catch((error: Error) => this.#failed(error))
  }

  #sleep(ms: number): void {
    this.#cancel()
    this.#cancel = this.#seams.wait(ms, () => this.#look())
  }

  #failed(error: Error): void {
    if (this.#isOver) return
    if (this.#seams.mayGoOn(error)) this.#sleep(RETRY_MS)
    else this.end()
  }

  async #decide(): Promise<void> {
    if (this.#isOver || this.#isSending || this.#progress.paused) return
    const { rules } = this.#definition
    const { lastOffset } = this.#progress
    const isOpen = rules.overlap === 'skip' && lastOffset !== null && (await this.#seams.isOpen(lastOffset))
    const step = stepSchedule(this.#ticks, rules, this.#progress, this.#seams.nowMs(), isOpen)
    if (step.state.decidedMs === this.#progress.decidedMs) return this.#look()
    const sending = await this.#sendingOf(step)
    const progress = { ...step.state, sending, lastOffset }
    await this.#seams.keep(progress)
    if (this.#isOver) return
    this.#progress = progress
    for (const ticks of step.unsent) this.#seams.unsent(ticks)
    if (sending === null) this.#look()
    else void this.#send(sending)
  }

  async #sendingOf({ send: ticks }: ScheduleStep): Promise<Sending | null> {
    return ticks.length === 0 ? null : { ticks, places: await this.#seams.places(ticks.length) }
  }

  async #send({ ticks, places }: Sending): Promise<void> {
    this.#isSending = true
    const answers = ticks.map((tick, index) => Promise.all(places.map(place => this.#seams.send(place, index, tick))))
    const all = Promise.allSettled(answers)
    try {
      for (const [index, answer] of answers.entries()) this.#answered(ticks[index] as number, await answer)
      this.#progress = { ...this.#progress, sending: null }
      this.#isSending = false
      this.#look()
    } catch (error) {
      // None is on its way when they are sent again.
      await all
      this.#isSending = false
      this.#failedToSend(error as Error)
    }
  }

  /** What is not known to be sent stays kept. */
  #failedToSend(error: Error): void {
    if (this.#isOver) return
    if (!this.#seams.mayGoOn(error)) this.end()
    else this.#cancel = this.#seams.wait(RETRY_MS, () => this.begin())
  }

  #answered(tickMs: number, answers: readonly TickAnswer[]): void {
    const refusal = answers.find(answer => answer.how === 'refused')
    if (answers.length === 0) this.#seams.refused(tickMs, null)
    else if (refusal !== undefined) this.#seams.refused(tickMs, refusal.error)
    else this.#seams.sent()
    for (const answer of answers)
      if (answer.how === 'sent') this.#progress = { ...this.#progress, lastOffset: answer.offset }
  }
}
