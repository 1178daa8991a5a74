/**
 * A thread's end of its link to one partition host: settlements and hints go out, receipts and verdicts come in (link.ts).
 *
 * The attached thread owns it. It never waits: what has no room in the ring is refused, and a hint that has none makes the host look
 * everywhere. Having taken something out it rings the host only where that may wait for room: a host that sleeps is not woken for
 * nothing after each publish.
 */
import { Doorbell, HintReader, HintWriter, type Memory, RingConsumer, RingProducer } from 'sharedarraybuffer-ring'
import {
  ANSWER_BYTES,
  ANSWERS,
  type AnswerKind,
  type AnswerPiece,
  SETTLEMENT_ANSWER_BYTES,
  SETTLEMENT_CLIENT,
} from '../link/answers.ts'
import {
  KIND_ANSWER,
  KIND_GONE,
  KIND_RECEIPT,
  KIND_SETTLE,
  LINK_HINTS,
  SETTLE,
  SETTLEMENT_BYTES,
  SETTLEMENT_DELAY,
  SETTLEMENT_ERROR_MAX,
  type SettleHow,
  TO_THREAD_BYTES,
} from '../link/link.ts'
import { highOf, joinOffset } from '../log/format/frame.ts'
import { HOST_BELL, HOST_WANTS } from '../wire/layout.ts'
import type { LinkPlace } from '../wire/link-places.ts'
import type { ErrorWire } from '../words/errors.ts'
import { settlementText } from './error-text.ts'
import type { Verdict } from './turn-taker.ts'

/** What comes in. */
export interface LinkUpcalls {
  receipt(ring: number, ringEnd: number, baseOffset: number, status: number, more: number): void
  gone(topic: number): void
  verdict(cursor: number, verdict: Verdict): void
  /** A piece of the answer to a request of this thread, in bytes of its own. */
  answer(request: number, kind: AnswerKind, piece: Pick<AnswerPiece, 'before' | 'all' | 'bytes'>): void
  /** There is something to do for this cursor. */
  readonly more: (cursor: number) => void
  /** Hints were lost: there may be something to do for any cursor. */
  lost(): void
}

/** What the consumer of a request says of it: an ack, and a piece of its answer. */
export interface SentAnswer {
  readonly cursor: number
  readonly epoch: number
  readonly offset: number
  /** Of its claim; 0: it was acked before. */
  readonly tag: number
  readonly piece: AnswerPiece
}

/** A delivery that was not plainly acked. */
export interface SentSettlement {
  readonly cursor: number
  readonly epoch: number
  readonly offset: number
  readonly how: SettleHow
  readonly deliveryAttempt: number
  /** Wait for the next attempt that a queue's consumer asks for. */
  readonly delayMs?: number | null
  /** Of a batch of a queue that failed as a whole: its tags. */
  readonly error: ErrorWire | readonly number[]
}

export class ThreadLink {
  readonly #memory: Memory
  readonly #wants: number
  readonly #bell: Doorbell
  readonly #toHost: RingProducer
  readonly #toThread: RingConsumer
  readonly #hintsOut: HintWriter
  readonly #hintsIn: HintReader
  #isAwaited = false

  constructor(memory: Memory, place: LinkPlace) {
    this.#memory = memory
    this.#wants = place.address + HOST_WANTS
    this.#bell = new Doorbell(memory, place.address + HOST_BELL)
    this.#toHost = new RingProducer(memory, place.toHost.address, place.toHost.capacity)
    this.#toThread = new RingConsumer(memory, place.toThread.address, place.toThread.capacity)
    this.#hintsOut = new HintWriter(memory, place.hintsToHost, LINK_HINTS)
    this.#hintsIn = new HintReader(memory, place.hintsToThread, LINK_HINTS)
  }

  /** Tells the host where there is something new, at its next ring: a ring's number, or -1 - cursor. */
  hint(number: number): void {
    this.#hintsOut.add(number)
  }

  ring(): void {
    if (this.#isAwaited) this.#bell.rouse()
    else this.#bell.ring()
    this.#isAwaited = false
  }

  /** The next ring also ends a nap of the host: what it tells of may be all that its publisher has on its way, and waits for. */
  awaits(): void {
    this.#isAwaited = true
  }

  /** Its thread has nothing more for now: the host need not wait for it. */
  endNap(): void {
    this.#bell.endNap()
  }

  /** After a commit: wakes the host if it waits for one. */
  committed(): void {
    if (this.#memory.load(this.#wants) === 1) this.#bell.ring()
  }

  /** Sends the group a settlement. False when the link is full: try again after a verdict. */
  settle({ cursor, epoch, offset, how, deliveryAttempt, delayMs, error }: SentSettlement): boolean {
    const text = settlementText(error, SETTLEMENT_ERROR_MAX)
    const length = SETTLEMENT_BYTES + text.length
    const address = this.#claim(length, how, { cursor, epoch, offset, tag: deliveryAttempt })
    if (address < 0) return false
    this.#memory.f64[(address + SETTLEMENT_DELAY) >> 3] = delayMs ?? -1
    this.#memory.u8.set(text, address + SETTLEMENT_BYTES)
    this.#publish(length)
    return true
  }

  /** Sends a queue a piece of an answer. False when the link is full. */
  reply({ piece, ...delivery }: SentAnswer): boolean {
    const { to, kind, before, all, bytes } = piece
    const length = SETTLEMENT_ANSWER_BYTES + bytes.length
    const address = this.#claim(length, 'replied', delivery)
    if (address < 0) return false
    this.#memory.f64[(address + SETTLEMENT_DELAY) >> 3] = to.request
    const words = this.#memory.i32
    const at = (address + SETTLEMENT_CLIENT) >> 2
    words[at] = to.client
    words[at + 1] = ANSWERS.indexOf(kind)
    words[at + 2] = before
    words[at + 3] = all
    this.#memory.u8.set(bytes, address + SETTLEMENT_ANSWER_BYTES)
    this.#publish(length)
    return true
  }

  /** Address of a settlement of this length, with what all have in common; negative: there is no room. */
  #claim(length: number, how: SettleHow, { cursor, epoch, offset, tag }: Omit<SentAnswer, 'piece'>): number {
    const address = this.#toHost.claim(length)
    if (address < 0) return address
    const words = this.#memory.i32
    const at = address >> 2
    words[at] = length
    words[at + 1] = KIND_SETTLE
    words[at + 2] = cursor
    words[at + 3] = epoch
    words[at + 4] = offset | 0
    words[at + 5] = highOf(offset)
    words[at + 6] = SETTLE[how]
    words[at + 7] = tag
    return address
  }

  #publish(length: number): void {
    this.#toHost.advance(length)
    this.#toHost.publish()
    this.#bell.ring()
  }

  hasWork(): boolean {
    return this.#toThread.poll() || this.#hintsIn.ready()
  }

  /** Takes in what the host has sent; whether there was anything but hints. */
  drain(upcalls: LinkUpcalls): boolean {
    if (!this.#hintsIn.take(upcalls.more)) upcalls.lost()
    const ring = this.#toThread
    if (!ring.poll()) return false
    const words = this.#memory.i32
    for (let address = ring.next(); address >= 0; address = ring.next()) {
      const at = address >> 2
      const kind = words[at + 1]
      const number = words[at + 2] as number
      if (kind === KIND_GONE) upcalls.gone(number)
      else if (kind === KIND_ANSWER) this.#answered(upcalls, address)
      else {
        const offset = joinOffset(words[at + 4] as number, words[at + 5] as number)
        const decision = words[at + 6] as number
        if (kind === KIND_RECEIPT)
          upcalls.receipt(number, words[at + 3] as number, offset, decision, words[at + 7] as number)
        else {
          upcalls.verdict(number, {
            epoch: words[at + 3] as number,
            offset,
            action: decision & 15,
            failedAttempts: decision >>> 4,
            delayMs: words[at + 7] as number,
          })
        }
      }
      ring.advance(kind === KIND_ANSWER ? (words[at] as number) : TO_THREAD_BYTES)
    }
    ring.release()
    if (ring.isWanted) this.#bell.ring()
    return true
  }

  #answered(upcalls: LinkUpcalls, address: number): void {
    const words = this.#memory.i32
    const at = address >> 2
    const from = address + ANSWER_BYTES
    upcalls.answer(this.#memory.f64[(address + 16) >> 3] as number, ANSWERS[words[at + 2] as number] ?? 'lost', {
      all: words[at + 3] as number,
      before: words[at + 6] as number,
      bytes: Uint8Array.from(this.#memory.u8.subarray(from, from + (words[at + 7] as number))),
    })
  }
}
