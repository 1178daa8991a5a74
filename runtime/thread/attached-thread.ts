/**
 * A thread's connection to the broker: its doorbell, its links to the partition hosts, and its turn loop.
 *
 * One per thread that publishes or reads (main, each handler host). The loop drains receipts and verdicts, lets readers
 * deliver for a bounded time, seals the open frames, and sleeps by `waitAsync`, so that the thread's own timers and
 * sockets always get their turn. It does not keep the process alive; code that must holds a reference.
 */

import { Doorbell, type Memory, RingConsumer, RingProducer } from 'sharedarraybuffer-ring'
import { nowMs, queueMicrotask, setImmediate } from '../../actors/world.ts'
import {
  KIND_GONE,
  KIND_RECEIPT,
  KIND_SETTLE,
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

/** Something that takes part in the thread's turns. */
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
}

/** A test ends a thread that it has halted; otherwise the thread continues after this. */
const HALT_MS = 10_000
/** Longest time without yielding to the event loop. */
const TURN_MS = 4
/** A ringer can die before it rings: the control thread then wakes all, and no sleep is longer than this. */
const SLEEP_MS = 5_000

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
  readonly #writers = new Map<number, RingWriter>()
  readonly #takers = new Map<number, TurnTaker>()
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
  /** Called after receipts were drained: waiting publishes may fit now. */
  readonly #afterReceipts = new Set<() => void>()

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
    }))
    this.#sleep()
  }

  /** Stores the thread's activity, by which its death is judged. */
  phase(phase: Phase): void {
    this.memory.store(this.address + THREAD_PHASE, PHASE[phase])
    const halt = this.address + THREAD_HALT
    if (this.memory.i32[halt >> 2] === PHASE[phase] + 1) this.memory.wait(halt, PHASE[phase] + 1, HALT_MS)
  }

  addWriter(writer: RingWriter): void {
    this.#writers.set(writer.ring, writer)
  }

  removeWriter(ring: number): void {
    this.#writers.delete(ring)
  }

  onReceipts(listener: () => void): () => void {
    this.#afterReceipts.add(listener)
    return () => this.#afterReceipts.delete(listener)
  }

  addTaker(cursor: number, taker: TurnTaker): void {
    this.#takers.set(cursor, taker)
    this.wake()
  }

  /** Takes one out, unless another has its place already. */
  removeTaker(cursor: number, taker: TurnTaker): void {
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
    }
    for (const writer of dirty) this.ringHost(writer.host)
  }

  /** Publishes all open frames now. */
  sealAll(): void {
    this.#sealDirty()
  }

  ringHost(host: number): void {
    this.#links[host]?.bell.ring()
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

  /** Runs a turn soon: something on this thread changed (a handler settled, a timer fired, a reader resumed). */
  wake(): void {
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
    if (lean !== this.#lean) {
      this.#lean = lean
      this.memoryIsShort()
    }
    const deadline = this.#lastYield + TURN_MS
    let worked = false
    try {
      do {
        worked = this.#drainLinks()
        for (const taker of this.#takers.values()) if (taker.turn(deadline)) worked = true
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
    for (const link of this.#links) if (link.toThread.poll()) return true
    for (const taker of this.#takers.values()) if (taker.ready()) return true
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
      const ring = link.toThread
      if (!ring.poll()) continue
      worked = true
      for (let address = ring.next(); address >= 0; address = ring.next()) {
        const words = this.memory.i32
        const at = address >> 2
        const offset = joinOffset(words[at + 4] as number, words[at + 5] as number)
        if (words[at + 1] === KIND_RECEIPT) {
          const id = words[at + 2] as number
          this.#writers.get(id)?.receipt(id, words[at + 3] as number, offset, words[at + 6] as number)
        } else if (words[at + 1] === KIND_GONE) this.topicGone(words[at + 2] as number)
        else {
          const decision = words[at + 6] as number
          this.#takers.get(words[at + 2] as number)?.verdict({
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
    if (worked) for (const listener of this.#afterReceipts) listener()
    return worked
  }

  close(): void {
    this.#closed = true
    this.#takers.clear()
    this.#writers.clear()
  }
}
