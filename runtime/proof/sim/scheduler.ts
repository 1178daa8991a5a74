/**
 * Runs simulated threads one step at a time: which one, and when, is decided by the seed.
 *
 * One per seed; everything happens on one real thread. A step is one turn of a simulated thread's event loop (a timer,
 * a message, an immediate, a wake-up) with the microtasks that follow from it. Between two steps anything may happen to
 * a thread; within one it may be stopped at any access to shared memory. The clock moves only here, and by every look
 * at it.
 *
 * A thread that is stopped in the middle of a step cannot be left standing there, since all share one stack: it is made
 * to throw from then on, and once it has unwound, shared memory is put back as it was when it stopped.
 */
import type { Chance } from './chance.ts'

export type ThreadKind = 'main' | 'control' | 'partition' | 'handler'

/** Thrown by everything that a stopped thread still tries to do. */
export class Stopped extends Error {
  constructor() {
    super('this simulated thread has stopped')
    this.name = 'Stopped'
  }
}

/** `frozen`: in a loop or a call that does not return. `dead`: gone. */
export type ThreadState = 'alive' | 'frozen' | 'dead'

/** How a thread ended. */
export type Ending =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'error'; readonly error: unknown }
  | { readonly kind: 'terminated' }

export class SimThread {
  readonly id: number
  readonly kind: ThreadKind
  readonly name: string
  state: ThreadState = 'alive'
  /** It takes no step before. */
  freeAt = 0
  lastImmediate = 0
  /** Steps taken. */
  steps = 0
  /** Looks at shared memory left until it stops. */
  fuse: number = Number.POSITIVE_INFINITY
  /** What its step computes, in ms: until then it takes no other. */
  busyMs = 0
  ending: Ending | null = null
  /** It was told to end, and goes on for a while: its slots have been taken from it, and nobody wakes it any more. */
  isEnding = false
  /** Called when it is dead. */
  readonly onDeath: ((ending: Ending) => void)[] = []
  /** What a step costs it at most, in ms. */
  readonly stepMs: number

  constructor(id: number, kind: ThreadKind, name: string, stepMs: number) {
    this.id = id
    this.kind = kind
    this.name = name
    this.stepMs = stepMs
  }
}

export interface Event {
  at: number
  /** When it was to be; what its thread was too busy for comes in this order. */
  readonly due: number
  readonly order: number
  readonly thread: SimThread
  readonly kind: number
  run: (() => void) | null
}

/** Kinds of events; `tick` does not count as an input. */
export const EVENT = {
  tick: 0,
  immediate: 1,
  timer: 2,
  message: 3,
  wake: 4,
  act: 5,
  exit: 6,
  start: 7,
  fault: 8,
} as const
export const EVENT_NAMES: readonly string[] = Object.keys(EVENT)

/** Shared memory, as the steps of threads need it. */
export interface Restorable {
  /** Keeps what a thread that stops in its step has written so far. */
  save(): void
  restore(): void
  /** Keeps what there was before a step that another one is to overlap with. */
  keep(): void
  /** Hides what was written since, until the next write of whatever thread, or until `reveal`. */
  hide(): void
  reveal(): void
  /** Something is hidden. */
  readonly hides: boolean
}

/** Steps that are planned so near to each other may overlap. */
const OVERLAP_MS = 0.5
/** By then a sleeper has been rung for what another thread has done. */
const ON_ITS_WAY_MS = 10

/** Runs what promises have waiting, now. */
export const drainMicrotasks: () => void = (process as unknown as { _tickCallback(): void })._tickCallback.bind(process)

export class Scheduler {
  readonly chance: Chance
  readonly threads: SimThread[] = []
  /** Milliseconds since the start. */
  now = 0
  current: SimThread | null = null
  /** Steps taken that count as inputs. */
  inputs = 0
  readonly inputsByKind: number[] = EVENT_NAMES.map(() => 0)
  /** Depends on every step taken, its time and its thread. */
  hash: number = 0x811c9dc5 | 0
  /** Told of everything that happens, when somebody looks on. */
  trace: ((line: string) => void) | null = null
  /** When a thread last ended, or came to stand in a loop. */
  diedAt: number = Number.NEGATIVE_INFINITY
  /** The step is one of a thread that has slept for as long as it may, and was rung by nobody. */
  sleptOut = false
  /** The thread of the last step that may have given others something to do, and when it ended. */
  #lastThread: SimThread | null = null
  #lastAt = Number.NEGATIVE_INFINITY
  /** The same, of the last step of another thread than that. */
  #othersAt = Number.NEGATIVE_INFINITY
  /** A thread goes to sleep at this address. */
  onSleep: (thread: SimThread, address: number) => void = () => undefined
  /** Whoever sleeps at this address is woken. */
  onRing: (address: number) => void = () => undefined
  /** Nothing runs any more. */
  over = false
  /** Uncaught errors of threads that must have none. */
  readonly broken: string[] = []
  memory: Restorable | null = null
  /** A thread hangs. */
  onFreeze: (thread: SimThread) => void = () => undefined
  /** What a look at the clock costs, in ms. */
  readonly lookMs: number
  /** Share of the steps that overlap with the next one, where that is of another thread and is to be taken at about the same time. */
  overlapShare = 0
  /** Two steps have overlapped. */
  onOverlap: () => void = () => undefined
  readonly #overlaps: Chance
  readonly #heap: Event[] = []
  #order = 0
  #stopping = false

  constructor(chance: Chance, overlaps: Chance) {
    this.chance = chance
    this.#overlaps = overlaps
    this.lookMs = chance.pick([0.0005, 0.002, 0.01, 0.05])
  }

  thread(kind: ThreadKind, name: string): SimThread {
    const thread = new SimThread(this.threads.length, kind, name, this.chance.pick([0.01, 0.05, 0.3]))
    this.threads.push(thread)
    return thread
  }

  /** Time and thread, for traces. */
  get stamp(): string {
    return `${this.now.toFixed(3)} ${this.current?.name ?? 'nobody'}:`
  }

  mix(value: number): void {
    this.hash = Math.imul(this.hash ^ value, 0x01000193)
  }

  /** Plans a step of `thread` in `delayMs`. */
  plan(thread: SimThread, delayMs: number, kind: number, run: () => void): Event {
    const event: Event = { at: this.now + delayMs, due: this.now + delayMs, order: this.#order++, thread, kind, run }
    this.#push(event)
    return event
  }

  #before(a: Event, b: Event): boolean {
    if (a.at !== b.at) return a.at < b.at
    return a.due < b.due || (a.due === b.due && a.order < b.order)
  }

  #push(event: Event): void {
    const heap = this.#heap
    let index = heap.length
    heap.push(event)
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = heap[parent] as Event
      if (!this.#before(event, above)) break
      heap[index] = above
      index = parent
    }
    heap[index] = event
  }

  #pop(): Event | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (top === undefined || last === undefined || heap.length === 0) return top
    let index = 0
    for (;;) {
      let child = index * 2 + 1
      if (child >= heap.length) break
      const right = heap[child + 1]
      if (right !== undefined && this.#before(right, heap[child] as Event)) child++
      if (!this.#before(heap[child] as Event, last)) break
      heap[index] = heap[child] as Event
      index = child
    }
    heap[index] = last
    return top
  }

  /** Takes steps until `done`, or until nothing is planned, or the clock passes `untilMs`; whether `done`. */
  run(done: () => boolean, untilMs: number): boolean {
    while (!done()) {
      const event = this.#pop()
      if (event === undefined || event.at > untilMs) return false
      const other = this.#overlapping(event)
      if (other === null) this.#take(event)
      else this.#takeBoth(event, other)
    }
    return true
  }

  /** The step that is to begin before this one, and to go on after it; null: none is. */
  #overlapping({ thread, at, run }: Event): Event | null {
    if (this.overlapShare === 0 || run === null || thread.freeAt > Math.max(at, this.now)) return null
    const [next] = this.#heap
    if (next === undefined || next.run === null || next.thread === thread || next.at > at + OVERLAP_MS) return null
    if (next.thread.state !== 'alive' || thread.state !== 'alive' || next.thread.freeAt > next.at) return null
    return this.#overlaps.happens(this.overlapShare) ? next : null
  }

  /**
   * The second step sees nothing of the first one until it writes to shared memory itself. That is an order that two threads may
   * have: all that the second one read came first, then the first step, then the rest of the second one. It was planned before
   * the first step was taken, so that it is no answer to that.
   */
  #takeBoth(first: Event, second: Event): void {
    this.memory?.keep()
    this.#take(first)
    const isFree = second.thread.freeAt <= Math.max(second.at, this.now)
    if (first.thread.state !== 'alive' || second.thread.state !== 'alive' || second.run === null || !isFree) return
    this.memory?.hide()
    const taken = { ...second }
    second.run = null
    this.#take(taken)
    this.memory?.reveal()
    this.onOverlap()
  }

  #take(event: Event): void {
    const { thread, run } = event
    if (run === null || thread.state !== 'alive') return
    if (event.at > this.now) this.now = event.at
    if (thread.freeAt > this.now) {
      event.at = thread.freeAt
      this.#push(event)
      return
    }
    event.run = null
    thread.steps++
    this.sleptOut = false
    if (thread !== this.#lastThread && thread.kind !== 'control') {
      this.#othersAt = this.#lastAt
      this.#lastThread = thread
    }
    if (event.kind !== EVENT.tick) this.inputs++
    this.inputsByKind[event.kind]!++
    this.mix(thread.id * 16 + event.kind)
    this.mix(this.now * 1024)
    this.current = thread
    try {
      run()
    } catch (error) {
      this.threw(thread, error)
    }
    drainMicrotasks()
    this.current = null
    if (thread === this.#lastThread) this.#lastAt = this.now
    if (this.#stopping) this.#stopped(thread)
    thread.freeAt = this.now + this.chance.next() * thread.stepMs + thread.busyMs
    thread.busyMs = 0
  }

  /** It is over, and lets go of all that was planned: Comlink remembers a port for longer, and with it its scheduler. */
  dispose(): void {
    this.#heap.length = 0
    for (const { onDeath } of this.threads) onDeath.length = 0
    this.threads.length = 0
    this.onFreeze = () => undefined
    this.onSleep = () => undefined
    this.onRing = () => undefined
    this.onOverlap = () => undefined
    this.memory = null
    this.current = null
    this.#lastThread = null
  }

  /** Timers of this thread that are due, and wait until it is free. */
  overdueTimers(thread: SimThread): Event[] {
    return this.#heap.filter(
      each => each.thread === thread && each.kind === EVENT.timer && each.run !== null && each.due <= this.now,
    )
  }

  /** No other thread has done anything just now, of which the current one could not have heard yet. */
  get nothingIsOnItsWay(): boolean {
    return this.now - this.#othersAt > ON_ITS_WAY_MS
  }

  /** The current step begins because its thread's time to sleep is over. */
  sleepIsOver(): void {
    this.sleptOut = this.nothingIsOnItsWay
  }

  /** An error that nobody caught. */
  threw(thread: SimThread, error: unknown): void {
    if (error instanceof Stopped || this.over || thread.state !== 'alive') return
    if (thread.kind !== 'handler')
      this.broken.push(`${thread.name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    this.stop(thread, { kind: 'error', error })
  }

  /** Before each access to shared memory and each effect of the current thread. */
  check(): void {
    const thread = this.current
    if (thread === null) return
    if (thread.state !== 'alive') throw new Stopped()
    if (--thread.fuse > 0) return
    this.stop(thread, thread.ending ?? { kind: 'exit', code: 1 })
    throw new Stopped()
  }

  /** The current thread hangs where it is. Never returns. */
  freeze(): never {
    const thread = this.current
    if (thread !== null && thread.state === 'alive') {
      this.#halt()
      thread.state = 'frozen'
      this.diedAt = this.now
      this.onFreeze(thread)
    }
    throw new Stopped()
  }

  #halt(): void {
    if (this.#stopping) return
    this.#stopping = true
    this.memory?.save()
  }

  /** Ends a thread, also the one that is taking a step. */
  stop(thread: SimThread, ending: Ending): void {
    if (thread.state === 'dead') return
    if (thread === this.current) this.#halt()
    thread.state = 'dead'
    this.diedAt = this.now
    thread.ending = ending
    this.trace?.(`${this.stamp} ${thread.name} ends: ${JSON.stringify(ending)}`)
    this.mix(0x5ead + thread.id)
    if (thread !== this.current) this.#moveToDeadLetters(thread)
  }

  #stopped(thread: SimThread): void {
    this.#stopping = false
    this.memory?.restore()
    if (thread.state === 'dead') this.#moveToDeadLetters(thread)
  }

  #moveToDeadLetters(thread: SimThread): void {
    for (const tell of thread.onDeath) tell(thread.ending as Ending)
  }
}
