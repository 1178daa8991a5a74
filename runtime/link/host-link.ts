/**
 * The partition host's side of a link to one thread: receipts and verdicts out, settlements in, hints both ways, the thread's bell.
 *
 * The partition host's thread owns it. Invariant: nothing is taken from a thread for which its answer has no room, so
 * writing an answer never waits and never fails.
 */
import {
  CORRUPT,
  Doorbell,
  HintReader,
  HintWriter,
  type Memory,
  RingConsumer,
  RingProducer,
} from 'sharedarraybuffer-ring'
import { highOf, joinOffset } from '../log/format/frame.ts'
import { THREAD_TAG } from '../wire/layout.ts'
import type { LinkPlace } from '../wire/link-places.ts'
import type { CursorId, Epoch, Offset, Position, RingId } from '../words/quantities.ts'
import {
  ANSWER_BYTES,
  ANSWERS,
  type AnswerKind,
  type AnswerPiece,
  type RequestAddress,
  SETTLEMENT_ANSWER_BYTES,
  SETTLEMENT_CLIENT,
  tagOf,
} from './answers.ts'
import { HeldBell } from './held-bell.ts'
import {
  KIND_ANSWER,
  KIND_GONE,
  KIND_RECEIPT,
  KIND_VERDICT,
  LINK_HINTS,
  SETTLE,
  SETTLEMENT_BYTES,
  SETTLEMENT_DELAY,
  TO_THREAD_BYTES,
} from './link.ts'

/** A delivery that a reader did not plainly ack. */
export interface Settlement {
  readonly cursor: CursorId
  readonly epoch: Epoch
  readonly offset: Offset
  readonly how: number
  readonly deliveryAttempt: number
  /** Wait for the next attempt that a queue's consumer asks for; null: none in particular. */
  readonly delayMs?: number | null
  /** A wire error as JSON. */
  readonly error: string
  /** Of one that is `replied`. */
  readonly answer?: AnswerPiece
}

export class HostLink {
  readonly thread: number
  /** Of its thread. */
  readonly bell: HeldBell
  readonly #memory: Memory
  readonly #address: number
  readonly #toThread: RingProducer
  readonly #toHost: RingConsumer
  readonly #hintsIn: HintReader
  readonly #hintsOut: HintWriter
  /** Nobody waits for so many answers to fit. */
  readonly #plenty: number
  /** Answers that will be written for frames that are taken already, and are on their way to the disk. */
  promised = 0
  #unpublished = false
  /** Of what is not published, so much is awaited. */
  #awaited = 0
  #abandoned = false

  constructor(memory: Memory, thread: number, bell: number, place: LinkPlace) {
    this.thread = thread
    this.#memory = memory
    // A thread's words begin with its bell.
    this.#address = bell
    this.bell = new HeldBell(new Doorbell(memory, bell))
    this.#toThread = new RingProducer(memory, place.toThread.address, place.toThread.capacity)
    this.#toHost = new RingConsumer(memory, place.toHost.address, place.toHost.capacity)
    this.#plenty = (place.toThread.capacity / TO_THREAD_BYTES) * PLENTY
    this.#hintsIn = new HintReader(memory, place.hintsToHost, LINK_HINTS)
    this.#hintsOut = new HintWriter(memory, place.hintsToThread, LINK_HINTS)
  }

  /** Called after the exit of the thread. No answer is written any more, and its published records can be taken. */
  abandon(): void {
    this.#abandoned = true
  }

  /** How many answers fit now. Whoever waits for more looks again when the host is rung: it is when the thread takes some out. */
  room(): number {
    if (this.#abandoned) return Number.POSITIVE_INFINITY
    const fits = this.#fits()
    const isShort = fits < this.#plenty
    this.#toThread.wants(isShort)
    // What was taken out before the thread could see that has rung nobody.
    return isShort ? this.#fits() : fits
  }

  #fits(): number {
    return Math.floor((this.#toThread.capacity - this.#toThread.used()) / TO_THREAD_BYTES) - this.promised
  }

  /** `more`: frames behind it that it is a receipt for as well. */
  receipt(ring: RingId, ringEnd: Position, baseOffset: Offset, status: number, more = 0): void {
    this.#answer(KIND_RECEIPT, ring, ringEnd, baseOffset, status, more)
  }

  /** So many records have their receipts, and are awaited: the caller of a request awaits its answer instead. */
  awaits(records: number): void {
    this.#awaited += records
  }

  verdict(
    cursor: CursorId,
    epoch: Epoch,
    offset: Offset,
    action: number,
    failedAttempts: number,
    delayMs: number,
  ): void {
    this.awaits(1)
    this.#answer(KIND_VERDICT, cursor, epoch, offset, action | (failedAttempts << 4), delayMs)
  }

  /** The topic was deleted: nothing more that is published to it is answered. */
  gone(topic: number): void {
    this.#answer(KIND_GONE, topic, 0, 0, 0, 0)
    this.publish()
  }

  /** Whether its thread may still wait for the answer to a request of this number. */
  waitsFor(request: number): boolean {
    return !this.#abandoned && this.#memory.i32[(this.#address + THREAD_TAG) >> 2] === tagOf(request)
  }

  /** Writes a piece of an answer, to be seen with the next `publish`; false: there is no room, or little besides. */
  answerPiece({ request }: RequestAddress, kind: AnswerKind, before: number, all: number, bytes: Uint8Array): boolean {
    const length = (ANSWER_BYTES + bytes.length + (TO_THREAD_BYTES - 1)) & -TO_THREAD_BYTES
    // It may need as much again in front of the end of the ring. Receipts and verdicts have the rest.
    if (this.room() < (2 * length) / TO_THREAD_BYTES + ANSWERS_LEAVE) return false
    const address = this.#toThread.claim(length)
    if (address < 0) return false
    const words = this.#memory.i32
    const at = address >> 2
    words[at] = length
    words[at + 1] = KIND_ANSWER
    words[at + 2] = ANSWERS.indexOf(kind)
    words[at + 3] = all
    this.#memory.f64[(address + 16) >> 3] = request
    words[at + 6] = before
    words[at + 7] = bytes.length
    this.#memory.u8.set(bytes, address + ANSWER_BYTES)
    this.#toThread.advance(length)
    this.#unpublished = true
    this.awaits(1)
    return true
  }

  /** Whether its thread has ended, and nothing is written for it. */
  get isAbandoned(): boolean {
    return this.#abandoned
  }

  #answer(kind: number, a: number, b: number, offset: Offset, c: number, d: number): void {
    if (this.#abandoned) return
    const address = this.#toThread.claim(TO_THREAD_BYTES)
    if (address < 0) throw new Error('broken invariant: an answer has no room in its link')
    const words = this.#memory.i32
    const at = address >> 2
    words[at] = TO_THREAD_BYTES
    words[at + 1] = kind
    words[at + 2] = a
    words[at + 3] = b
    words[at + 4] = offset | 0
    words[at + 5] = highOf(offset)
    words[at + 6] = c
    words[at + 7] = d
    this.#toThread.advance(TO_THREAD_BYTES)
    this.#unpublished = true
  }

  /** Makes the answers visible and wakes the thread; false: there are none, and it is not woken. */
  publish(): boolean {
    if (!this.#unpublished) return this.#abandoned
    this.#unpublished = false
    this.#toThread.publish()
    this.bell.ring('answers', this.#awaited)
    this.#awaited = 0
    return true
  }

  /** There is something new for this cursor's reader: wakes the thread if it sleeps. */
  wake(cursor: number): void {
    if (!this.#abandoned) this.#hintsOut.add(cursor)
    this.bell.ring('records')
  }

  /** Wakes the thread if it sleeps: it has room again, or answers. */
  ring(): void {
    this.bell.ring('answers')
  }

  /** Whether `hints` or `settlements` would take something now. */
  hasNews(): boolean {
    return this.#hintsIn.ready() || (this.#toHost.poll() && this.room() > 0)
  }

  /**
   * Hands over the numbers of rings that have something new, and of cursors whose readers ask; false: some are lost, and all that
   * is this thread's is to be looked at.
   */
  hints(ring: (ring: number) => void, asks: (cursor: number) => void): boolean {
    return this.#hintsIn.take(number => (number < 0 ? asks(-1 - number) : ring(number)))
  }

  /** Hands settlements over, oldest first, until `take` says that it cannot answer one now; whether any was taken. */
  settlements(take: (settlement: Settlement) => boolean): boolean {
    if (!this.#toHost.poll()) return false
    const words = this.#memory.i32
    let worked = false
    let address = this.#toHost.next()
    for (; address >= 0 && this.room() > 0; address = this.#toHost.next()) {
      const at = address >> 2
      const length = words[at] as number
      const settlement: Settlement = {
        cursor: words[at + 2] as number,
        epoch: words[at + 3] as number,
        offset: joinOffset(words[at + 4] as number, words[at + 5] as number),
        how: words[at + 6] as number,
        deliveryAttempt: words[at + 7] as number,
        ...(words[at + 6] === SETTLE.replied
          ? { error: '', answer: this.#answerAt(address, length) }
          : {
              delayMs: delayIn(this.#memory.f64[(address + SETTLEMENT_DELAY) >> 3] as number),
              error: this.#memory.bytes.toString('utf8', address + SETTLEMENT_BYTES, address + length),
            }),
      }
      if (!take(settlement)) break
      this.#toHost.advance(length)
      worked = true
    }
    if (address === CORRUPT)
      throw new Error(`broken invariant: the link of client ${this.thread} holds bytes that are no settlement`)
    // Answers first: a repeated settlement is harmless, a lost verdict would hold the reader for ever.
    this.publish()
    this.#toHost.release()
    return worked
  }

  /** The answer in a settlement of this length, in bytes of its own. */
  #answerAt(address: number, length: number): AnswerPiece {
    const words = this.#memory.i32
    const at = (address + SETTLEMENT_CLIENT) >> 2
    const request = this.#memory.f64[(address + SETTLEMENT_DELAY) >> 3] as number
    return {
      to: { client: words[at] as number, request },
      kind: ANSWERS[words[at + 1] as number] ?? 'lost',
      before: words[at + 2] as number,
      all: words[at + 3] as number,
      bytes: Uint8Array.from(this.#memory.u8.subarray(address + SETTLEMENT_ANSWER_BYTES, address + length)),
    }
  }
}

/**
 * Part of the ring that is more than anything waits for: two pieces of an answer and ANSWERS_LEAVE, a joint's receipts, the verdicts on what failed.
 */
const PLENTY = 3 / 4
/** Answers that are not to requests have so much of the ring for themselves. */
const ANSWERS_LEAVE = 512

function delayIn(written: number): number | null {
  return written < 0 ? null : written
}
