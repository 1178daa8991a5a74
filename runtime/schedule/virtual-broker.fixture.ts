/**
 * A broker as one schedule sees it, with a clock of its own, for tests: what is kept and sent outlives its processes.
 *
 * Time passes in `run`, from timer to timer. A process dies between two steps of its schedule, and may be started again at any time. The
 * target takes a number once, as a numbered producer's target does.
 */
import { ScheduleLoop, type ScheduleSeams, type TickAnswer } from './schedule-loop.ts'
import type { UnsentTicks } from './schedule-plan.ts'
import { beginProgress, type ScheduleDefinition, type ScheduleProgress, textOf } from './schedule-record.ts'

interface Timer {
  readonly atMs: number
  readonly then: () => void
}

export class VirtualBroker {
  nowMs: number
  /** Ticks in the order in which the target has their messages. */
  readonly sent: number[] = []
  readonly unsent: UnsentTicks[] = []
  readonly refused: number[] = []
  /** Ticks that no target wanted. */
  readonly unwanted: number[] = []
  /** Whether there is no target. */
  isUnbound = false
  /** Whether the last message is not settled. */
  isOpen = false
  /** Refuses messages. */
  isFull = false
  /** Takes and answers nothing: messages wait. */
  isStuck = false
  /** Timers come so much early, by the wall clock. */
  earlyMs = 0
  /** Errors of decisions. */
  readonly failures: Error[] = []
  /** The next call of this kind ends the process, before it has an effect, or after it. */
  dies: 'keep' | 'kept' | 'send' | 'sent' | null = null
  loop: ScheduleLoop | null = null
  readonly #definition: ScheduleDefinition
  #kept: string
  #timers = new Set<Timer>()
  #next = 0
  #passed = 0
  #line: Promise<unknown> = Promise.resolve()
  #life = 0

  constructor(definition: ScheduleDefinition, nowMs: number) {
    this.nowMs = nowMs
    this.#definition = definition
    this.#kept = textOf(beginProgress(nowMs, false))
  }

  get kept(): ScheduleProgress {
    return JSON.parse(this.#kept) as ScheduleProgress
  }

  get timers(): number {
    return this.#timers.size
  }

  get isUp(): boolean {
    return this.loop !== null
  }

  /** A process begins, and the schedule with it, or only its resend. */
  async start(how: 'begin' | 'resend' = 'begin'): Promise<void> {
    this.#line = Promise.resolve()
    const { sending } = this.kept
    this.#next = Math.max(
      this.#passed,
      sending === null ? 0 : (sending.places[0]?.first as number) + sending.ticks.length,
    )
    this.loop = new ScheduleLoop(this.#definition, this.kept, this.#seams(++this.#life))
    this.loop[how]()
    await this.settle()
  }

  /** It is killed. */
  kill(): void {
    this.loop?.end()
    this.loop = null
    this.#life++
    this.#timers.clear()
  }

  /** Lets time pass up to an instant. */
  async run(toMs: number): Promise<void> {
    for (;;) {
      const [first] = [...this.#timers].sort((a, b) => a.atMs - b.atMs)
      if (first === undefined || first.atMs > toMs) break
      this.nowMs = Math.max(this.nowMs, first.atMs)
      this.#timers.delete(first)
      first.then()
      await this.settle()
    }
    this.nowMs = toMs
  }

  /** The clock is set: timers go on as they were. */
  set(nowMs: number): void {
    const by = nowMs - this.nowMs
    this.#timers = new Set([...this.#timers].map(({ atMs, then }) => ({ atMs: atMs + by, then })))
    this.nowMs = nowMs
  }

  /** Lets the schedule do all that it can without time passing. */
  async settle(): Promise<void> {
    await new Promise(resolve => setImmediate(resolve))
  }

  #mayDie(at: typeof this.dies): boolean {
    if (this.dies !== at) return false
    this.dies = null
    this.kill()
    return true
  }

  #seams(life: number): ScheduleSeams {
    const never = new Promise<never>(() => undefined)
    const isOver = (): boolean => life !== this.#life
    return {
      nowMs: () => this.nowMs,
      wait: (ms, then) => {
        const timer = { atMs: this.nowMs + Math.max(1, ms - this.earlyMs), then }
        if (!isOver()) this.#timers.add(timer)
        return () => this.#drop(then)
      },
      serially: task => {
        const done = this.#line.then(task)
        this.#line = done.catch(() => undefined)
        return done
      },
      keep: async progress => {
        if (isOver() || this.#mayDie('keep')) return never
        this.#kept = textOf(progress)
        if (this.#mayDie('kept')) return never
      },
      places: async count => {
        if (this.isUnbound) return []
        const first = this.#next
        this.#next += count
        return [{ topic: 1, name: 'q', partition: 0, first }]
      },
      send: async (place, index, tickMs): Promise<TickAnswer> => {
        await undefined
        if (isOver() || this.isStuck || this.#mayDie('send')) return never
        const number = place.first + index
        if (this.isFull) return { how: 'refused', error: new Error('full') }
        if (number < this.#passed) return { how: 'sent', offset: null }
        this.#passed = number + 1
        this.sent.push(tickMs)
        if (this.#mayDie('sent')) return never
        return { how: 'sent', offset: this.sent.length - 1 }
      },
      isOpen: async () => this.isOpen,
      unsent: ticks => void this.unsent.push(ticks),
      refused: (tickMs, error) => void (error === null ? this.unwanted : this.refused).push(tickMs),
      sent: () => undefined,
      mayGoOn: error => {
        this.failures.push(error)
        return true
      },
    }
  }

  #drop(then: () => void): void {
    for (const timer of this.#timers) if (timer.then === then) this.#timers.delete(timer)
  }
}

/** A schedule of this rhythm and these rules, of a queue. */
export function scheduleOf(
  rhythm: ScheduleDefinition['rhythm'],
  missed: ScheduleDefinition['rules']['missed'] = 'once',
  overlap: ScheduleDefinition['rules']['overlap'] = 'send',
): ScheduleDefinition {
  return {
    name: 's',
    rhythm,
    rules: { missed, overlap },
    target: { kind: 'queue', name: 'q', id: 1 },
    message: { key: null, value: '1', form: 'json', headers: [] },
  }
}
