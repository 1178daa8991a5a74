/**
 * A thread's connection to the broker: its doorbell, its links to the partition hosts, and its turn loop.
 *
 * One per thread that publishes or reads (main, each handler host). The loop drains receipts and verdicts, lets readers
 * deliver for a bounded time, seals the open frames, and sleeps by `waitAsync`, so that the thread's own
 * timers and sockets always get their turn. It does not keep the process alive; code that must holds a reference.
 *
 * A turn costs what is busy, however many readers and producers there are. A reader has turns from the moment it is woken, by a
 * hint of its host, a verdict, or `wake`, until a turn finds nothing and it is not ready. Every LOOK_MS all of them have one,
 * because a host may have died before it hinted.
 */

import { Doorbell, HintReader, HintWriter, type Memory, RingConsumer, RingProducer } from 'sharedarraybuffer-ring'
import { nowMs, queueMicrotask, setImmediate } from '../../actors/world.ts'
import {
  KIND_GONE,
  KIND_RECEIPT,
  KIND_SETTLE,
  LINK_HINTS,
  SETTLE,
  SETTLEMENT_BYTES,
  SETTLEMENT_ERROR_MAX,
  type SettleHow,
  TO_THREAD_BYTES,
} from '../link/link.ts'
import { highOf, joinOffset } from '../log/format/frame.ts'
import {
  HOST_BELL,
  HOST_WANTS,
  PHASE,
  type Phase,
  THREAD_BEAT,
  THREAD_BELL,
  THREAD_HALT,
  THREAD_LEAN,
  THREAD_PHASE,
} from '../wire/layout.ts'
import type { ThreadPlace } from '../wire/link-places.ts'
import type { ErrorWire } from '../words/errors.ts'
import { errorText } from './error-text.ts'

/** A verdict on a delivery that was not plainly acked. */
export interface Verdict {
  readonly epoch: number
  readonly offset: number
  readonly action: number
  readonly failedAttempts: number
  readonly delayMs: number
}

/** Writes records to a ring of this thread. */
export interface RingWriter {
  readonly ring: number
  readonly host: number
  /** Whether it has records in a frame that is open; the thread sets it back when it seals them. */
  dirty: boolean
  seal(): boolean
  receipt(ring: number, ringEnd: number, baseOffset: number, status: number): void
}

/** Publishes by writers of this thread. */
export interface WriterUser {
  /** Its writers have had receipts: waiting publishes may fit now. */
  serve(): void
}

interface UsedWriter {
  readonly writer: RingWriter
  readonly user: WriterUser | null
}

/** Something that takes part in the thread's turns while it is busy. */
export interface TurnTaker {
  /** Whether a call of `turn` would do something now. */
  ready(): boolean
  /** Works until nothing is left or `deadline` (performance.now) has passed; whether it did anything. */
  turn(deadline: number): boolean
  verdict(verdict: Verdict): void
}

interface Link {
  readonly wants: number
  readonly bell: Doorbell
  readonly toHost: RingProducer
  readonly toThread: RingConsumer
  readonly hintsOut: HintWriter
  readonly hintsIn: HintReader
}

/** A test ends a thread that it has halted; otherwise the thread continues after this. */
const HALT_MS = 10_000
/** Longest time without yielding to the event loop. */
const TURN_MS = 4
/** A ringer can die before it hints and rings: the control thread then wakes all, and no sleep is longer than this. */
const SLEEP_MS = 5_000
/** After which all are looked at again. */
const LOOK_MS = 5_000

/** The way from a thread's members to the control thread. */
export interface RunReports {
  /** A member's records cannot be read, or its state not kept: its run fails. */
  failRun(cursor: number, epoch: number, error: unknown): void
  /** False: another reader has its place. */
  keepSnapshot(cursor: number, epoch: number, offset: number, text: string): Promise<boolean>
}

const NOBODY: RunReports = {
  failRun: (_member, _epoch, error) => {
    throw error
  },
  keepSnapshot: () => Promise.resolve(false),
}

export class AttachedThread {
  readonly memory: Memory
  readonly id: number
  readonly address: number
  readonly #bell: Doorbell
  readonly #links: Link[]
  readonly #writers = new Map<number, UsedWriter>()
  readonly #takers = new Map<number, TurnTaker>()
  /** Those that have turns. */
  readonly #busy = new Set<TurnTaker>()
  /** Turns of single readers so far. */
  looks = 0
  #lookedMs: number = nowMs()
  #dirty: RingWriter[] = []
  #sealScheduled = false
  #turnScheduled = false
  #inTurn = false
  #waiting = false
  #lastYield = 0
  #closed = false
  /** Requests of its members to the control thread; set by the creator of the thread. */
  reports: RunReports = NOBODY
  /** Called for a deleted topic, for the code that publishes from this thread. */
  topicGone: (topic: number) => void = () => undefined
  /** Called when unused rings are to be given back, for the code that publishes from this thread. */
  memoryIsShort: () => void = () => undefined
  #lean = 0
  /** Whose writers had receipts since they were told. */
  readonly #answered = new Set<WriterUser>()

  constructor(memory: Memory, place: ThreadPlace) {
    this.memory = memory
    this.id = place.thread
    this.address = place.address
    this.#bell = new Doorbell(memory, place.address + THREAD_BELL)
    this.#links = place.links.map(link => ({
      bell: new Doorbell(memory, link.address + HOST_BELL),
      wants: link.address + HOST_WANTS,
      toHost: new RingProducer(memory, link.toHost.address, link.toHost.capacity),
      toThread: new RingConsumer(memory, link.toThread.address, link.toThread.capacity),
      hintsOut: new HintWriter(memory, link.hintsToHost, LINK_HINTS),
      hintsIn: new HintReader(memory, link.hintsToThread, LINK_HINTS),
    }))
    this.#sleep()
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
    this.#takers.set(cursor, taker)
    this.wake(cursor)
  }

  /** Takes one out, unless another has its place already. */
  removeTaker(cursor: number, taker: TurnTaker): void {
    this.#busy.delete(taker)
    if (this.#takers.get(cursor) === taker) this.#takers.delete(cursor)
  }

  /** Seals the writer's frame at the end of this turn, with all others that were written to in it. */
  markDirty(writer: RingWriter): void {
    writer.dirty = true
    this.#dirty.push(writer)
    if (this.#sealScheduled || this.#inTurn) return
    this.#sealScheduled = true
    queueMicrotask(this.#sealDirty)
  }

  readonly #sealDirty = (): void => {
    this.#sealScheduled = false
    const dirty = this.#dirty
    if (dirty.length === 0) return
    this.#dirty = []
    for (const writer of dirty) {
      writer.dirty = false
      writer.seal()
      this.#links[writer.host]?.hintsOut.add(writer.ring)
    }
    for (const writer of dirty) this.#links[writer.host]?.bell.ring()
  }

  /** Publishes all open frames now. */
  sealAll(): void {
    this.#sealDirty()
  }

  /** Tells the host that there is something new in a ring, or that it was closed. */
  ringHost(host: number, ring: number): void {
    this.#hint(host, ring)
  }

  /** Tells the host that the reader for this cursor may not go on before it has a higher ceiling. */
  askHost(host: number, cursor: number): void {
    this.#hint(host, -1 - cursor)
  }

  #hint(host: number, number: number): void {
    const link = this.#links[host]
    if (link === undefined) return
    link.hintsOut.add(number)
    link.bell.ring()
  }

  /** After a commit: wakes the host if it waits for one. */
  committed(host: number): void {
    const link = this.#links[host]
    if (link !== undefined && this.memory.load(link.wants) === 1) link.bell.ring()
  }

  /** Sends the group a settlement other than a plain ack. False when the link is full: try again after a verdict. */
  settle(
    host: number,
    cursor: number,
    epoch: number,
    offset: number,
    how: SettleHow,
    deliveryAttempt: number,
    error: ErrorWire,
  ): boolean {
    const link = this.#links[host]
    if (link === undefined) return false
    const text = errorText(error, SETTLEMENT_ERROR_MAX)
    const length = SETTLEMENT_BYTES + text.length
    const address = link.toHost.claim(length)
    if (address < 0) return false
    const words = this.memory.i32
    const at = address >> 2
    words[at] = length
    words[at + 1] = KIND_SETTLE
    words[at + 2] = cursor
    words[at + 3] = epoch
    words[at + 4] = offset | 0
    words[at + 5] = highOf(offset)
    words[at + 6] = SETTLE[how]
    words[at + 7] = deliveryAttempt
    this.memory.u8.set(text, address + SETTLEMENT_BYTES)
    link.toHost.advance(length)
    link.toHost.publish()
    link.bell.ring()
    return true
  }

  /**
   * Runs a turn soon, for the taker of this cursor, or for all: something on this thread changed (a handler settled, a timer
   * fired, a reader resumed).
   */
  wake(cursor: number | null): void {
    if (cursor === null) this.#wakeAll()
    else this.#more(cursor)
    if (this.#turnScheduled || this.#inTurn || this.#closed) return
    this.#turnScheduled = true
    if (nowMs() - this.#lastYield > TURN_MS) setImmediate(this.#yieldedTurn)
    else queueMicrotask(this.#turn)
  }

  #wakeAll(): void {
    for (const taker of this.#takers.values()) this.#busy.add(taker)
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
    if (lean !== this.#lean) {
      this.#lean = lean
      this.memoryIsShort()
    }
    const deadline = this.#lastYield + TURN_MS
    this.#lookEverywhere()
    let worked = false
    try {
      do {
        worked = this.#drainLinks()
        if (this.#takeTurns(deadline)) worked = true
        this.#sealDirty()
      } while (worked && nowMs() < deadline)
    } finally {
      this.#inTurn = false
    }
    if (worked) {
      this.#turnScheduled = true
      setImmediate(this.#yieldedTurn)
    } else this.#sleep()
  }

  /** A host that died before it hinted is replaced by one that hints anew; this is for whatever else may have gone wrong. */
  #lookEverywhere(): void {
    const now = nowMs()
    if (now - this.#lookedMs < LOOK_MS) return
    this.#lookedMs = now
    this.#wakeAll()
  }

  #takeTurns(deadline: number): boolean {
    let worked = false
    // Those that are woken meanwhile come in the next round.
    for (const taker of [...this.#busy]) {
      this.looks++
      if (taker.turn(deadline)) worked = true
      else if (!taker.ready()) this.#busy.delete(taker)
    }
    return worked
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
    void rung.then(this.#rung)
  }

  readonly #rung = (): void => {
    this.#waiting = false
    if (this.#turnScheduled || this.#inTurn || this.#closed) return
    this.#lastYield = nowMs()
    this.#turn()
  }

  #hasWork(): boolean {
    for (const link of this.#links) if (link.toThread.poll() || link.hintsIn.ready()) return true
    for (const taker of this.#busy) if (taker.ready()) return true
    return false
  }

  /**
   * Takes receipts and verdicts in; also for a caller that publishes without ever yielding. `then` is called before
   * publishes that wait for room continue.
   */
  drain(then?: () => void): boolean {
    return this.#drainLinks(then)
  }

  #drainLinks(then?: () => void): boolean {
    let worked = false
    for (const link of this.#links) {
      if (!link.hintsIn.take(this.#more)) this.#wakeAll()
      const ring = link.toThread
      if (!ring.poll()) continue
      worked = true
      for (let address = ring.next(); address >= 0; address = ring.next()) {
        const words = this.memory.i32
        const at = address >> 2
        const offset = joinOffset(words[at + 4] as number, words[at + 5] as number)
        if (words[at + 1] === KIND_RECEIPT) {
          const id = words[at + 2] as number
          const used = this.#writers.get(id)
          used?.writer.receipt(id, words[at + 3] as number, offset, words[at + 6] as number)
          if (used !== undefined && used.user !== null) this.#answered.add(used.user)
        } else if (words[at + 1] === KIND_GONE) this.topicGone(words[at + 2] as number)
        else {
          const decision = words[at + 6] as number
          const taker = this.#takers.get(words[at + 2] as number)
          if (taker !== undefined) this.#busy.add(taker)
          taker?.verdict({
            epoch: words[at + 3] as number,
            offset,
            action: decision & 15,
            failedAttempts: decision >>> 4,
            delayMs: words[at + 7] as number,
          })
        }
        ring.advance(TO_THREAD_BYTES)
      }
      ring.release()
      // The host may have waited for room in this ring.
      link.bell.ring()
    }
    then?.()
    this.#tellAnswered()
    return worked
  }

  #tellAnswered(): void {
    if (this.#answered.size === 0) return
    const answered = [...this.#answered]
    this.#answered.clear()
    for (const user of answered) user.serve()
  }

  /** There is something to do for this cursor. */
  readonly #more = (cursor: number): void => {
    const taker = this.#takers.get(cursor)
    if (taker !== undefined) this.#busy.add(taker)
  }

  close(): void {
    this.#closed = true
    this.#takers.clear()
    this.#busy.clear()
    this.#writers.clear()
  }
}
