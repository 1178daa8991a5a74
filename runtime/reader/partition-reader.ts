/**
 * A reader of one partition for one group: fetches frames from its source (frame-source.ts), walks their records, commits.
 *
 * The consumer's thread. It owns one slot for one epoch (reader-slot.ts). What was handed out before is known here as the group
 * told it (known-records.ts); at most once, how far records may be claimed (claim-limit.ts).
 */

import { FRAME_BASE_TIMESTAMP, FRAME_COUNT, FRAME_HEADER_BYTES, joinOffset } from '../log/format/frame.ts'
import { gapOffsets } from '../log/format/gap-frame.ts'
import { RECORD_HEADER_BYTES } from '../log/format/record.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { Verdict } from '../thread/turn-taker.ts'
import type { Ledger } from '../wire/ledger.ts'
import type { Assignment, KnownRecord } from '../wire/places.ts'
import type { Codec } from '../words/codec.ts'
import { MillraceError } from '../words/errors.ts'
import type { Offset } from '../words/quantities.ts'
import { ClaimLimit, claimsBarred } from './claim-limit.ts'
import type { FetchedFrame } from './delivery.ts'
import type { FetchRoom } from './fetch-room.ts'
import { FetchedBytes } from './fetched-bytes.ts'
import type { FrameSource } from './frame-source.ts'
import { KnownRecords } from './known-records.ts'
import { readerCodecOf } from './learning-json.ts'
import { openSource } from './open-source.ts'
import { PassedGaps } from './passed-gaps.ts'
import { ReaderSlot } from './reader-slot.ts'

export class PartitionReader {
  readonly assignment: Assignment
  readonly #thread: AttachedThread
  readonly #source: FrameSource
  readonly #codec: Codec
  readonly #slot: ReaderSlot
  #words: Int32Array = new Int32Array(0)
  #buffer: Buffer = Buffer.alloc(0)
  #bytes = new FetchedBytes(this.#buffer)
  /** Indexes into the buffer. */
  #cursor = 0
  #frameEnd = 0
  #bufferEnd = 0
  #baseOffset = 0
  #committed: Offset
  /** The disk has failed, or retention has removed what comes next. */
  #isUnreadable = false
  /** Committed before it is handled, at most once; -1: never. */
  #claimed = -1
  /** How far records of a topic on disk may be claimed; null: the topic is in memory. */
  readonly #limit: ClaimLimit | null
  readonly #known: KnownRecords
  readonly #gaps = new PassedGaps()
  /** The record that `next` moved to: its frame, its index in the frame's buffer, its offset. */
  frame: FetchedFrame
  at = 0
  offset = -1

  /** `room`: where fetches go, if what refers to one is over before the next; null: each has memory of its own. */
  constructor(thread: AttachedThread, assignment: Assignment, room: FetchRoom | null = null) {
    this.assignment = assignment
    this.#thread = thread
    const { log } = assignment.place
    this.#source = openSource(thread.memory, assignment, room)
    this.#codec = readerCodecOf(assignment.topic.codec)
    this.#slot = new ReaderSlot(thread.memory, assignment.slot, thread.address)
    this.#committed = assignment.committed
    const ask = (): void => thread.askHost(assignment.place.host, assignment.cursor)
    this.#limit = log === null ? null : new ClaimLimit(thread.memory, assignment.slot, assignment.committed, ask)
    this.#known = new KnownRecords(assignment.known)
    this.frame = this.#frameAt(0)
    // Kept by a reader that ended before it could commit it, and no other reader will.
    if (assignment.snapshot !== null) this.commit(assignment.snapshot.offset)
  }

  #frameAt(baseTimestamp: number): FetchedFrame {
    const { topic, place } = this.assignment
    return {
      buffer: this.#buffer,
      bytes: this.#bytes,
      words: this.#words,
      codec: this.#codec,
      topic: topic.name,
      partition: place.partition,
      baseTimestamp,
    }
  }

  /** Whether `next` would find a record without waiting. May be wrong once, when only skipped records are left. */
  ready(): boolean {
    return this.#cursor < this.#bufferEnd || (!this.#isUnreadable && this.#source.ready())
  }

  /** Moves to the next record; false when nothing more is readable now. */
  next(): boolean {
    while (!this.#nextFetched()) if (!this.#fetch()) return false
    return true
  }

  /** Moves to the next record of this fetch; false when there is none. */
  #nextFetched(): boolean {
    for (;;) {
      while (this.#cursor < this.#frameEnd) {
        const at = this.#cursor
        const index = at >> 2
        const length = this.#words[index] as number
        if (length < RECORD_HEADER_BYTES || at + length > this.#frameEnd)
          throw this.#broken(`a record of length ${length} at byte ${at} of a fetch`)
        this.#cursor = at + ((length + 7) & ~7)
        const offset = this.#baseOffset + ((this.#words[index + 1] as number) & 0xffff)
        if (offset < this.#committed) continue
        this.at = at
        this.offset = offset
        return true
      }
      if (this.#frameEnd >= this.#bufferEnd) return false
      this.#openFrame(this.#frameEnd)
    }
  }

  /** Whether something is known of records that are not committed. */
  get knowsAny(): boolean {
    return this.#known.size > 0
  }

  /** Moves to the next record of this fetch, if nothing is known of it. */
  nextUnknown(): boolean {
    return this.#known.size === 0 && this.#nextFetched()
  }

  /** Where the last record ends that `nextUnknown` may come to: an index into the fetch. */
  get unknownEnd(): number {
    return this.#known.size === 0 ? this.#bufferEnd : this.#cursor
  }

  /** Whether the buffer is used up: a good moment to commit. */
  get exhausted(): boolean {
    return this.#cursor >= this.#bufferEnd
  }

  #openFrame(at: number): void {
    const index = at >> 2
    this.#baseOffset = joinOffset(this.#words[index + 2] as number, this.#words[index + 3] as number)
    this.#cursor = at + FRAME_HEADER_BYTES
    this.#frameEnd = at + (this.#words[index] as number)
    this.frame = this.#frameAt(this.#buffer.readDoubleLE(at + FRAME_BASE_TIMESTAMP))
    if (this.#words[index + (FRAME_COUNT >> 2)] === 0) this.#passGap(at)
  }

  /** Nobody settles what a gap leaves out: it is committed with what is in front of it. */
  #passGap(at: number): void {
    this.#gaps.passed(this.#baseOffset, this.#baseOffset + gapOffsets(this.#buffer, at))
    const upTo = this.#gaps.behind(this.#committed)
    if (upTo > this.#committed) this.commit(upTo)
  }

  #fetch(): boolean {
    const frames = this.#fetched()
    if (frames === null) return false
    this.#buffer = frames
    this.#bytes = new FetchedBytes(frames)
    this.#words = new Int32Array(frames.buffer, frames.byteOffset, frames.length >> 2)
    this.#bufferEnd = frames.length
    this.#openFrame(0)
    // What it has of records below is needed no more.
    if (this.#baseOffset < this.#committed) this.#source.release(this.#committed)
    return true
  }

  #fetched(): Buffer | null {
    if (this.#isUnreadable) return null
    try {
      return this.#source.fetch()
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error
      // What was handed out goes on, and nothing is skipped.
      this.#isUnreadable = true
      this.fail(error)
      return null
    }
  }

  /** This partition goes no further: its run is told. */
  fail(error: Error): void {
    this.#thread.reports.failRun(this.assignment.cursor, this.assignment.epoch, error)
  }

  #broken(what: string): Error {
    const { topic, place } = this.assignment
    const where = `topic ${topic.name} partition ${place.partition}`
    return new Error(`broken invariant: ${where} has ${what}, after offset ${this.offset}`)
  }

  get committed(): Offset {
    return this.#committed
  }

  /** Everything below `settledTo` is settled for good: says so, of gaps behind it too, and frees the window up to there. */
  commit(settledTo: Offset): void {
    if (settledTo <= this.#committed) return
    const offset = this.#gaps.behind(settledTo)
    this.#committed = offset
    if (this.#known.size > 0) this.#known.forgetBelow(offset)
    this.#slot.returned(offset)
    this.#slot.commit(Math.max(offset, this.#claimed))
    this.#source.release(offset)
    this.#thread.committed(this.assignment.place.host)
  }

  /** Whether what is read and not committed takes so much of the window that its writer may be waiting for this reader. */
  get crowdsWindow(): boolean {
    return this.#source.crowdsWindow()
  }

  /** Nothing is read any more. */
  close(): void {
    this.#source.close()
  }

  /** The record at `offset` is about to be handed out. */
  handOut(offset: Offset): void {
    this.#slot.handOut(offset)
  }

  /** Every record below `offset` is committed now, handled or not; the window is freed by `commit`, when they are. */
  claim(offset: Offset): void {
    this.#claimed = offset
    this.#slot.commit(offset)
    this.#limit?.claimed(offset)
  }

  /** Whether the record that `next` moved to may be claimed now; if not, the thread is woken when it may. */
  admits(): boolean {
    if (this.#limit === null) return true
    // Those before it were settled without being claimed.
    if (this.#claimed < this.offset) this.claim(this.offset)
    if (this.#limit.admits(this.offset)) return true
    if (this.#limit.isBarred && !this.#isUnreadable) {
      this.#isUnreadable = true
      this.fail(claimsBarred(this.assignment))
    }
    return false
  }

  /** The record handed out last is about to be reported as failed: its thread's death is not to be charged as well. */
  failed(offset: Offset): void {
    this.#slot.failed(offset)
  }

  /** Every record below `offset` has been handled. Not yet a commit: outputs may still be on their way. */
  returned(offset: Offset): void {
    this.#slot.returned(offset)
  }

  /** So many handlers' promises are pending. */
  active(pending: number): void {
    this.#slot.active(pending)
  }

  /** Of several in hand, so many are handled, and not settled before their outputs are confirmed. */
  handled(waiting: number): void {
    this.#slot.handled(waiting)
  }

  /** Where a reader that has several records in hand says how each of them stands. */
  ledger(): Ledger {
    return this.#slot.ledger()
  }

  /** What is known of a record that was handed out before. */
  knownOf(offset: Offset): KnownRecord | undefined {
    return this.#known.of(offset)
  }

  /** Whether the group keeps so much account of records of this fetch that a commit should not wait for its end. */
  get crowded(): boolean {
    return this.#known.crowded
  }

  /** The last record that was pending when the reader before died, of whichever it was; -1: that is known, or it did not die. */
  get suspectTo(): number {
    return this.#known.suspectTo
  }

  /** Whether this record failed under the reader before, whose thread may have ended because of it. */
  isDoubtful(offset: Offset): boolean {
    return this.#known.isDoubtful(offset)
  }

  /** What the group says of a record that failed. */
  keepVerdict(verdict: Verdict, deliveryAttempt: number): void {
    this.#known.keepVerdict(verdict, deliveryAttempt)
  }

  keepKnown(record: KnownRecord): void {
    this.#known.keep(record)
  }
}
