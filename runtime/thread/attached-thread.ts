/**
 * A thread's connection to the broker: its doorbell, its links to the partition hosts, and its turn loop.
 *
 * One per thread that publishes or reads (main, each handler host). The loop drains receipts and verdicts, lets readers
 * deliver for a bounded time, seals the open frames, and sleeps by `waitAsync`, so that the thread's own
 * timers and sockets always get their turn. It does not keep the process alive; code that must holds a reference.
 *
 * A turn costs what is busy, however many readers and producers there are (busy-takers.ts).
 */

import { Doorbell, type Memory } from 'sharedarraybuffer-ring'
import { nowMs, queueMicrotask, setImmediate } from '../../actors/world.ts'
import {
  BROKER_ROUTES,
  PHASE,
  type Phase,
  THREAD_BEAT,
  THREAD_BELL,
  THREAD_HALT,
  THREAD_LEAN,
  THREAD_PHASE,
} from '../wire/layout.ts'
import type { ThreadPlace } from '../wire/link-places.ts'
import { BusyTakers } from './busy-takers.ts'
import { OpenFrames } from './open-frames.ts'
import type { RingWriter, WriterUser } from './ring-writer.ts'
import { type LinkUpcalls, type SentAnswer, type SentSettlement, ThreadLink } from './thread-link.ts'
import type { RunReports, TurnTaker, Verdict } from './turn-taker.ts'

interface UsedWriter {
  readonly writer: RingWriter
  readonly user: WriterUser | null
}

/** A test ends a thread that it has halted; otherwise the thread continues after this. */
const HALT_MS = 10_000
/** Longest time without yielding to the event loop. */
const TURN_MS = 4
/** A ringer can die before it hints and rings: the control thread then wakes all, and no sleep is longer than this. */
const SLEEP_MS = 5_000

const NOBODY: RunReports = {
  failRun: (_member, _epoch, error) => {
    throw error
  },
  keepSnapshot: () => Promise.resolve(false),
  confirm: () => Promise.resolve(),
}

export class AttachedThread implements LinkUpcalls {
  readonly memory: Memory
  readonly id: number
  readonly address: number
  /** Address of ROUTES (layout.ts). */
  readonly routes: number
  readonly #bell: Doorbell
  readonly #links: ThreadLink[]
  readonly #frames: OpenFrames
  readonly #writers = new Map<number, UsedWriter>()
  readonly #takers = new BusyTakers()
  #turnScheduled = false
  #inTurn = false
  #waiting = false
  #lastYield = 0
  #closed = false
  #isDraining = false
  /** Requests of its members to the control thread; set by the creator of the thread. */
  reports: RunReports = NOBODY
  /** Called for a deleted topic, for the code that publishes from this thread. */
  topicGone: (topic: number) => void = () => undefined
  /** Called when unused rings are to be given back, for the code that publishes from this thread. */
  memoryIsShort: () => void = () => undefined
  /** Called for each piece of an answer, for the code that requests from this thread. */
  answer: LinkUpcalls['answer'] = () => undefined
  #lean = 0
  /** Whose writers had receipts since they were told. */
  readonly #answered = new Set<WriterUser>()

  constructor(memory: Memory, place: ThreadPlace) {
    this.memory = memory
    this.id = place.thread
    this.address = place.address
    this.routes = place.broker + BROKER_ROUTES
    this.#bell = new Doorbell(memory, place.address + THREAD_BELL)
    this.#links = place.links.map(link => new ThreadLink(memory, link))
    this.#frames = new OpenFrames(this.#links)
    this.#sleep()
  }

  /** Turns of single readers so far. */
  get looks(): number {
    return this.#takers.looks
  }

  /** Stores the thread's activity, by which its death is judged. */
  phase(phase: Phase): void {
    this.memory.store(this.address + THREAD_PHASE, PHASE[phase])
    const halt = this.address + THREAD_HALT
    if (this.memory.i32[halt >> 2] === PHASE[phase] + 1) this.memory.wait(halt, PHASE[phase] + 1, HALT_MS)
  }

  /** `user` is told after its writers had receipts. */
  addWriter(writer: RingWriter, user: WriterUser | null = null): void {
    this.#writers.set(writer.ring, { writer, user })
  }

  removeWriter(ring: number): void {
    this.#writers.delete(ring)
  }

  addTaker(cursor: number, taker: TurnTaker): void {
    this.#takers.add(cursor, taker)
    this.wake(cursor)
  }

  /** Takes one out, unless another has its place already. */
  removeTaker(cursor: number, taker: TurnTaker): void {
    this.#takers.remove(cursor, taker)
  }

  /** Seals the writer's frame at the end of this turn, with all others that were written to in it. */
  markDirty(writer: RingWriter): void {
    this.#frames.mark(writer, this.#inTurn)
  }

  /** Writers that are marked have published frames of about so many bytes, and the turn goes on. */
  publishedEarly(bytes: number): void {
    this.#frames.publishedEarly(bytes)
  }

  /** Publishes all open frames now. */
  sealAll(): void {
    this.#frames.seal()
  }

  /** Tells the host that there is something new in a ring, or that it was closed. */
  ringHost(host: number, ring: number): void {
    this.#links[host]?.hint(ring)
    this.#links[host]?.ring()
  }

  /** Tells the host that the reader for this cursor may not go on before it has a higher ceiling. */
  askHost(host: number, cursor: number): void {
    this.ringHost(host, -1 - cursor)
  }

  /** The same for a host that need not look before it does so anyway, unless somebody waits for that. */
  tellHost(host: number, cursor: number): void {
    const link = this.#links[host]
    link?.hint(-1 - cursor)
    link?.committed()
  }

  /** After a commit: wakes the host if it waits for one. */
  committed(host: number): void {
    this.#links[host]?.committed()
  }

  /** Sends the group a settlement other than a plain ack. False when the link is full: try again after a verdict. */
  settle(host: number, settlement: SentSettlement): boolean {
    return this.#links[host]?.settle(settlement) === true
  }

  /** Sends a queue a piece of an answer. False when the link is full. */
  reply(host: number, answer: SentAnswer): boolean {
    return this.#links[host]?.reply(answer) === true
  }

  /**
   * Runs a turn soon, for the taker of this cursor, or for all: something on this thread changed (a handler settled, a timer
   * fired, a reader resumed).
   */
  wake(cursor: number | null): void {
    if (cursor === null) this.#takers.wakeAll()
    else this.#takers.wake(cursor)
    if (this.#turnScheduled || this.#inTurn || this.#closed) return
    this.#turnScheduled = true
    if (nowMs() - this.#lastYield > TURN_MS) setImmediate(this.#yieldedTurn)
    else queueMicrotask(this.#turn)
  }

  readonly #yieldedTurn = (): void => {
    this.#lastYield = nowMs()
    this.#turn()
  }

  readonly #turn = (): void => {
    this.#turnScheduled = false
    if (this.#closed || this.#inTurn) return
    this.#inTurn = true
    const beat = (this.address + THREAD_BEAT) >> 2
    this.memory.i32[beat] = ((this.memory.i32[beat] as number) + 1) | 0
    const lean = this.memory.i32[(this.address + THREAD_LEAN) >> 2] as number
    if (lean !== this.#lean) this.memoryIsShort()
    this.#lean = lean
    const deadline = this.#lastYield + TURN_MS
    this.#takers.lookEverywhere()
    let worked = false
    try {
      do {
        worked = this.drain()
        if (this.#takers.takeTurns(deadline)) worked = true
        this.#frames.seal()
      } while ((worked || this.#takers.looksOn(this.#hasWork)) && nowMs() < deadline)
    } finally {
      this.#inTurn = false
    }
    if (worked) {
      this.#turnScheduled = true
      setImmediate(this.#yieldedTurn)
    } else this.#sleep()
  }

  #sleep(): void {
    this.#bell.arm()
    if (this.#hasWork()) {
      this.#bell.disarm()
      this.#turnScheduled = true
      setImmediate(this.#yieldedTurn)
      return
    }
    // At most one wait is outstanding: a turn that another event started leaves the last wait standing.
    if (this.#waiting) return
    const rung = this.#bell.waitAsync(SLEEP_MS)
    if (rung === null) {
      this.#turnScheduled = true
      setImmediate(this.#yieldedTurn)
      return
    }
    this.#waiting = true
    this.#takers.sleeps()
    void rung.then(this.#rung)
  }

  readonly #rung = (): void => {
    this.#waiting = false
    this.#takers.woke()
    if (this.#turnScheduled || this.#inTurn || this.#closed) return
    this.#lastYield = nowMs()
    this.#turn()
  }

  readonly #hasWork = (): boolean => this.#links.some(link => link.hasWork()) || this.#takers.hasReady()

  /**
   * Takes receipts and verdicts in; also for a caller that publishes without ever yielding. `then` is called before
   * publishes that wait for room continue.
   */
  drain(then?: () => void): boolean {
    // Whom this is told may publish, and look for receipts again: what is in hand is not to be walked over twice.
    if (this.#isDraining) {
      then?.()
      return false
    }
    let worked = false
    this.#isDraining = true
    try {
      for (const link of this.#links) if (link.drain(this)) worked = true
    } finally {
      this.#isDraining = false
    }
    then?.()
    this.#tellAnswered()
    return worked
  }

  receipt(ring: number, ringEnd: number, baseOffset: number, status: number, more: number): void {
    const used = this.#writers.get(ring)
    used?.writer.receipt(ring, ringEnd, baseOffset, status, more)
    if (used !== undefined && used.user !== null) this.#answered.add(used.user)
  }

  gone(topic: number): void {
    this.topicGone(topic)
  }

  verdict(cursor: number, verdict: Verdict): void {
    this.#takers.verdict(cursor, verdict)
  }

  readonly more: (cursor: number) => void = this.#takers.wake

  lost(): void {
    this.#takers.wakeAll()
  }

  #tellAnswered(): void {
    if (this.#answered.size === 0) return
    const answered = [...this.#answered]
    this.#answered.clear()
    for (const user of answered) user.serve()
  }

  close(): void {
    this.#closed = true
    this.#takers.clear()
    this.#writers.clear()
  }
}
