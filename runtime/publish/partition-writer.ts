/**
 * One thread's way into one partition: the record ring, the open frame in it, and who waits for its receipts.
 *
 * The producer's thread owns it. Records are written plainly into the open frame, at the tail of the ring; sealing the
 * frame writes its header and publishes the tail. A sealed frame has a ticket until its receipt arrives
 * (frame-tickets.ts). Bound: the ring's capacity; `reserve` says FULL beyond it, and GROW for a record that the ring
 * could never take.
 */

import { align8, FULL, type Memory, RingProducer } from 'sharedarraybuffer-ring'
import { wallMs } from '../../actors/world.ts'
import {
  FRAME_HAS_QUEUE_FIELDS,
  FRAME_HEADER_BYTES,
  FRAME_RECORDS_MAX,
  NAMED_EPOCH,
  writeSealedHeader,
} from '../log/format/frame.ts'
import { type JointName, writeNote } from '../wire/joint-note.ts'
import { PARTITION_UNREAD } from '../wire/layout.ts'
import type { ProducedTopic } from '../wire/produced-topic.ts'
import type { RingPlace } from '../wire/producer-places.ts'
import { FrameParts } from './frame-parts.ts'
import type { FrameObserver, Part, Ticket } from './frame-tickets.ts'
import type { JointFrame, OpenJoint } from './joint-frame.ts'
import type { PublishRun } from './publish-run.ts'
import { SealedFrames } from './sealed-frames.ts'
import type { WaitingRoom } from './waiting-room.ts'

/** Returned by `reserve` for a record that needs a larger ring. */
export const GROW = -2

/** Frames are sealed at this size, so that a reader can start on the first while the next is written. */
export const FRAME_TARGET_BYTES = 16_384

export class PartitionWriter extends SealedFrames {
  readonly host: number
  readonly #memory: Memory
  readonly #producerId: number
  readonly #isNamed: boolean
  readonly #frameRecords: number
  #place: RingPlace
  #ring: RingProducer
  #isClosed = false
  /** The joint that the open frame is part of; null: the frame is its own. */
  #joint: OpenJoint | null = null
  /** Bytes of the joint's note in front of the frame. */
  #noteBytes = 0
  /** Address after the room of a joint's frame: to anyone else that has none. */
  #jointLimit = 0
  /** Address of the open frame; 0: none. */
  #frame = 0
  #cursor = 0
  #limit = 0
  #count = 0
  #sequence = 0
  #baseTimestamp = 0
  #baseWasGiven = false
  #maxTimestampDelta = 0
  readonly #parts = new FrameParts()
  #sealedBefore = 0
  /** Whether it stands in the thread's list of writers to seal at the end of this turn. */
  dirty = false
  /** Whether a record of the open frame has queue fields; whoever writes one says so. */
  hasQueueFields = false

  /** `isNamed`: records have numbers of their own, which `sequence` tells. `frameRecords`: of a frame, at most. */
  constructor(memory: Memory, place: RingPlace, producerId: number, isNamed = false, frameRecords?: number) {
    super(place.partition)
    this.#isNamed = isNamed
    this.#frameRecords = frameRecords ?? FRAME_RECORDS_MAX
    this.host = place.host
    this.#memory = memory
    this.#producerId = producerId
    this.#place = place
    this.#ring = new RingProducer(memory, place.address, place.capacity)
  }

  get ring(): number {
    return this.#place.ring
  }

  /** Whether there may be a larger ring for it, now that this one is full. */
  get mayWiden(): boolean {
    return this.#place.capacity < this.#place.widest && !this.isReplaced && !this.#isClosed
  }

  /** Whether nothing has gone through the ring since this was asked last, nor is on its way. */
  takeIdle(): boolean {
    const isIdle = this.#count === 0 && this.sealed === this.answered && this.sealed === this.#sealedBefore
    this.#sealedBefore = this.sealed
    return isIdle && !this.isReplaced && !this.#isClosed
  }

  get baseTimestamp(): number {
    return this.#baseTimestamp
  }

  /** Bytes in the ring that the partition has not taken. */
  backlogBytes(): number {
    return this.#ring.used()
  }

  /** Whether the open frame's base timestamp was given by a message, and is not the time at which it was opened. */
  get baseWasGiven(): boolean {
    return this.#baseWasGiven
  }

  /** Address for a record of at most `bytes`, or FULL, or GROW. `timestamp` becomes the base of a frame it opens. */
  reserve(bytes: number, timestamp: number | undefined): number {
    if (this.#cursor + bytes <= this.#limit && this.#count < this.#frameRecords) return this.#cursor
    return this.#open(bytes, timestamp, 0)
  }

  #open(bytes: number, timestamp: number | undefined, note: number): number {
    const need = align8(note + FRAME_HEADER_BYTES + bytes)
    if (need > this.#ring.capacity >> 1) return GROW
    const before = this.#cursor - this.#frame
    if (this.seal()) this.publishedEarly(before)
    const claimed = this.#ring.claim(need)
    if (claimed === FULL) return FULL
    this.#frame = claimed + note
    this.#cursor = this.#frame + FRAME_HEADER_BYTES
    this.#limit = claimed + Math.max(need, Math.min(FRAME_TARGET_BYTES, this.#ring.room(FRAME_TARGET_BYTES)))
    this.#count = 0
    this.#baseTimestamp = timestamp ?? wallMs()
    this.#baseWasGiven = timestamp !== undefined
    this.#maxTimestampDelta = 0
    return this.#cursor
  }

  /** Opens a frame of this joint, for a record of at most `bytes` as its first, behind a note; what is not negative is room, else as of `reserve`. */
  openJoint(joint: OpenJoint, note: number, bytes: number): number {
    const said = this.#open(bytes, undefined, note)
    if (said < 0) return said
    this.#joint = joint
    this.#noteBytes = note
    this.#jointLimit = this.#limit
    this.#limit = 0
    return said
  }

  /** Whether the joint's frame has room for a record of at most `bytes`. */
  hasJointRoom(bytes: number): boolean {
    return this.#cursor + bytes <= this.#jointLimit && this.#count < this.#frameRecords
  }

  /** Lets a record into the joint's frame, or lets none any more. */
  letIn(isOpen: boolean): void {
    this.#limit = isOpen ? this.#jointLimit : 0
  }

  /** The joint comes to nothing: nothing was written. */
  abandonJoint(): void {
    this.#joint = null
    this.#noteBytes = 0
    this.abandon()
  }

  /** Position in the ring after the joint's frame. */
  get jointEnd(): number {
    return (this.#ring.tail + align8(this.#noteBytes + this.#cursor - this.#frame)) | 0
  }

  /** Seals the frame of its joint, behind its note; `publish` is to come. */
  sealJoint(name: JointName, rings: readonly number[], member: JointFrame): void {
    const note = this.#frame - this.#noteBytes
    writeNote(this.#memory, note, name, rings)
    member.sealed(note, this.#frame, this.#count, this.#ring.tail)
    this.#joint = null
    this.#sealFrame(member.parts)
    this.#noteBytes = 0
  }

  publish(): void {
    this.#ring.publish()
  }

  /** Whether what is at this position of this ring was not released: other frames, or other memory, may be there after that. */
  holds(ring: number, position: number): boolean {
    return ring === this.ring && !this.#isClosed && ((this.#ring.tail - position) | 0) <= this.#ring.used()
  }

  /** Takes the record of `bytes` written at the address that `reserve` gave. */
  append(bytes: number, timestampDelta: number): void {
    if (timestampDelta > this.#maxTimestampDelta) this.#maxTimestampDelta = timestampDelta
    this.#cursor += (bytes + 7) & ~7
    this.#count++
  }

  /** Index in the open frame of the record that `reserve` made room for. */
  get index(): number {
    return this.#count
  }

  /** Makes `observer` responsible for the record just appended. */
  observe(observer: FrameObserver): void {
    this.#parts.observe(observer, this.#count - 1)
  }

  /** The run of single publishes that is responsible for it: each has nothing of its own. `isRouted`: an exchange has sent them. */
  runOf(topic: ProducedTopic, room: WaitingRoom, isRouted: boolean): PublishRun {
    return this.#parts.runAt(this.#count - 1, this.partition, topic, room, isRouted)
  }

  /** The number of the record just appended, of a named producer. */
  sequence(sequence: number): void {
    this.#sequence = sequence | 0
  }

  /** Records on their way, without those whose observers are done with them. */
  get unanswered(): number {
    return this.#parts.unanswered(this.#count) + this.tickets.unanswered
  }

  /** Whether a record may go into the frame of those before it. */
  get isOpen(): boolean {
    return this.#count > 0
  }

  /** Records on their way, and those that a group which reads now has not handled: as its host counted them last. */
  get unread(): number {
    // A hint, so it needs no order with other words.
    return (
      this.tickets.records + this.#count + (this.#memory.i32[(this.#place.words + PARTITION_UNREAD) >> 2] as number)
    )
  }

  /** The record for which room was reserved cannot be written: a frame that was opened for it is opened anew. */
  abandon(): void {
    if (this.#count > 0) return
    this.#cursor = 0
    this.#limit = 0
  }

  /** Publishes the open frame; whether there was one. The caller rings the host's bell. */
  seal(): boolean {
    if (this.#count === 0) return false
    if (this.#joint !== null) this.#joint.seal()
    else {
      this.#sealFrame(this.#parts.take())
      this.#ring.publish()
    }
    return true
  }

  #sealFrame(parts: readonly Part[]): void {
    const length = this.#cursor - this.#frame
    this.#ring.advance(this.#noteBytes + length)
    const count = this.#count
    const ticket: Ticket = { ring: this.ring, ringEnd: this.#ring.tail, count, parts, next: null }
    writeSealedHeader(this.#memory, this.#frame, {
      length,
      attributes: this.hasQueueFields ? FRAME_HAS_QUEUE_FIELDS : 0,
      count,
      baseTimestamp: this.#baseTimestamp,
      maxTimestampDelta: this.#maxTimestampDelta,
      producerId: this.#producerId,
      producerEpoch: this.#isNamed ? NAMED_EPOCH : 0,
      baseSequence: this.#sequence,
      ring: ticket.ring,
      ringEnd: ticket.ringEnd,
    })
    if (!this.#isNamed) this.#sequence = (this.#sequence + count) | 0
    this.#count = 0
    this.#cursor = 0
    this.#limit = 0
    this.hasQueueFields = false
    this.tickets.add(ticket)
  }

  /** Nothing comes any more. */
  close(): void {
    // A ring that was closed before may be another's memory by now.
    if (this.#isClosed) return
    this.seal()
    this.#ring.close()
    this.#isClosed = true
  }

  /** Moves on to a larger ring; the old one is drained by the partition first. Of what is closed that is closed as well. */
  moveTo(place: RingPlace): void {
    // The old one, once closed, may be another's memory by now.
    if (!this.#isClosed) {
      this.seal()
      this.#ring.close()
    }
    this.former.add(this.#place.ring)
    this.#place = place
    this.#ring = new RingProducer(this.#memory, place.address, place.capacity)
    if (this.#isClosed) this.#ring.close()
  }

  /** Nothing more will be answered: everything on its way has failed. Returns the records that nobody observed. */
  fail(error: Error): number {
    this.seal()
    return this.tickets.fail(error)
  }
}
