/**
 * Says of a simulation what was found late (late-finds.ts): of which thread, and whether somebody who died is an excuse.
 *
 * The simulated threads, on one stack.
 */
import type { Event, Scheduler, SimThread } from './scheduler.ts'

/** The control thread may stand still for three seconds when it hears of the end. */
const EXCUSED_MS = 4_000

/** The simulation under way, as far as this is concerned. */
export interface LookedAt {
  readonly scheduler: Scheduler
  saw(sight: 'sleptOut'): void
}

/** What both kinds of sleepers are judged by. */
export class Judge {
  readonly #here: () => LookedAt | null

  constructor(here: () => LookedAt | null) {
    this.#here = here
  }

  get thread(): SimThread | null {
    return this.#here()?.scheduler.current ?? null
  }

  /** The step began because its thread had slept for as long as it may. */
  get sleptOut(): boolean {
    return this.#here()?.scheduler.sleptOut === true
  }

  /** What a look finds has been there before. */
  get nothingIsOnItsWay(): boolean {
    return this.#here()?.scheduler.nothingIsOnItsWay === true
  }

  /** Somebody died a short while ago, or a partition host stands where it is to die, and has not yet. */
  get #isExcused(): boolean {
    const scheduler = this.#here()?.scheduler
    if (scheduler === undefined || scheduler.now - scheduler.diedAt <= EXCUSED_MS) return true
    return scheduler.threads.some(({ kind, state }) => kind === 'partition' && state === 'frozen')
  }

  /** Part of what other threads wrote is hidden from the one whose step it is. */
  get hides(): boolean {
    return this.#here()?.scheduler.memory?.hides === true
  }

  /** Something was found late: somebody did not say that it was there, has died before that, or has no reason to tell one that ends. */
  late(what: string): void {
    if (!this.#isExcused && this.thread?.isEnding !== true) this.wrong(what)
  }

  /** Something is wrong whatever became of other threads. */
  wrong(what: string): void {
    const scheduler = this.#here()?.scheduler
    if (scheduler?.current?.state !== 'alive') return
    scheduler.broken.push(`L1: ${scheduler.current.name}, at ${Math.round(scheduler.now)} ms: ${what}`)
  }

  /** Timers of the thread whose step it is that are due, and come when it is free. */
  get overdueTimers(): readonly Event[] {
    const scheduler = this.#here()?.scheduler
    return scheduler?.current == null ? [] : scheduler.overdueTimers(scheduler.current)
  }

  /** A sleep that nobody ended is judged. */
  sees(): void {
    if (!this.#isExcused) this.#here()?.saw('sleptOut')
  }

  get nowMs(): number {
    return this.#here()?.scheduler.now ?? 0
  }

  /** Asks the broker's objects what is late. It costs no time, and no thread stops in it. */
  ask(question: () => readonly string[]): void {
    const scheduler = this.#here()?.scheduler
    if (scheduler === undefined || this.#isExcused) return
    const { current, now } = scheduler
    scheduler.current = null
    let answers: readonly string[] = []
    try {
      answers = question()
    } finally {
      scheduler.current = current
      scheduler.now = now
    }
    for (const answer of answers) this.late(answer)
  }
}

/** What is told of threads that sleep. */
export interface SleepWatch {
  readonly begin: (thread: SimThread, address: number) => void
  readonly rung: (address: number) => void
  /** A simulation is over: its hosts are forgotten. */
  readonly forget: () => void
}
