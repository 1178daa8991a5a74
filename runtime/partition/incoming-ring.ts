/**
 * One producer's ring as its partition sees it: a batch of frames, with receipts for answers; and what is still to be answered
 * for a predecessor that died.
 *
 * The partition host's thread. What a frame is answered with is read from the frame itself, which stays in the ring until then.
 * For each frame walked over room is kept in the link. Bound of what is unsent: the frames of one append.
 */

import { EMPTY, type Memory, type RingConsumer, type WindowWriter } from 'sharedarraybuffer-ring'
import type { HostLink } from '../link/host-link.ts'
import { RECEIPT_APPENDED, RECEIPT_DUPLICATE, RECEIPT_REFUSED } from '../link/link.ts'
import {
  FRAME_COUNT,
  FRAME_HEADER_BYTES,
  FRAME_RING_END,
  type FrameMemory,
  isDuplicate,
  placedOffset,
} from '../log/format/frame.ts'
import { isRequestAt } from '../log/format/record.ts'
import { isGap, isNote, isNoteOf, type JointName, jointAt } from '../wire/joint-note.ts'
import type { Offset, Position } from '../words/quantities.ts'
import type { FrameBatch } from './frame-batch.ts'

/** What its producer is told of one frame. */
export interface Answer {
  readonly ringEnd: Position
  readonly baseOffset: Offset
  readonly status: number
}

export interface OwedJoint extends JointName {
  /** Address of its note in this ring. */
  readonly note: number
}

export class IncomingRing implements FrameBatch {
  readonly id: number
  readonly consumer: RingConsumer
  readonly link: HostLink
  /** Ring that must be drained first; 0: none. */
  after: number
  /** The producer's thread has ended: nothing will be published any more. */
  orphaned: boolean
  #unsent: Answer[] = []
  /** Whether the look for the next frame has passed a gap. */
  #hasPassedGap = false
  /**
   * Joints of a predecessor's last append, by their notes here: other partitions may lack them. Their bytes stay in the ring until that is
   * mended (joint-repair.ts), and so do the answers.
   */
  owed: readonly OwedJoint[] = []

  constructor(id: number, consumer: RingConsumer, link: HostLink, after: number, orphaned: boolean) {
    this.id = id
    this.consumer = consumer
    this.link = link
    this.after = after
    this.orphaned = orphaned
  }

  get memory(): Memory {
    return this.consumer.memory
  }

  get head(): Position {
    return this.consumer.head
  }

  get ready(): number {
    return this.consumer.ready
  }

  room(): number {
    return this.link.room()
  }

  /** A joint frame is not found here: it is taken with the others of its joint (joints.ts). */
  next(): number {
    const address = this.#passGaps()
    return address >= 0 && isNote(this.memory, address) ? EMPTY : address
  }

  #passGaps(): number {
    const { consumer } = this
    let address = consumer.next()
    while (address >= 0 && isGap(this.memory, address)) {
      consumer.advance(this.memory.i32[address >> 2] as number)
      address = consumer.next()
    }
    return address
  }

  /** Address of the note at its head, after a look; -1: there is none. */
  get note(): number {
    if (this.after !== 0 || !this.consumer.poll()) return -1
    const address = this.#passGaps()
    return address >= 0 && isNote(this.memory, address) ? address : -1
  }

  /** Whether the note of this joint is at its head. */
  isAt(name: JointName): boolean {
    const { note } = this
    return note !== -1 && isNoteOf(this.memory, note, name)
  }

  /** Goes behind the note at its head, to the frame. */
  passNote(): void {
    this.consumer.advance(this.memory.i32[this.note >> 2] as number)
  }

  /** Its head is there again; no frame was walked over. */
  backTo(head: Position): void {
    this.consumer.head = head
  }

  /** The same, for a frame that was. */
  takeBack(head: Position): void {
    this.consumer.head = head
    this.link.promised--
  }

  /** Whether it is walked beyond this position. */
  isPast(position: Position): boolean {
    return ((this.consumer.head - position) | 0) >= 0
  }

  /** Address of the note of a joint that it owes; -1: it owes none such. */
  owedNote(name: JointName): number {
    return this.owed.find(({ lead, leadEnd }) => lead === name.lead && leadEnd === name.leadEnd)?.note ?? -1
  }

  advance(bytes: number): void {
    this.consumer.advance(bytes)
    this.link.promised++
  }

  copyTo(window: WindowWriter, address: number, bytes: number): void {
    window.copyIn(address, bytes)
  }

  /** Appended frames whose records follow each other have one answer: a queue with exact bounds has a frame for each message. */
  answer(failure: number | null): void {
    const { consumer, link } = this
    const { memory, head } = consumer
    consumer.rewind()
    let first: Answer | null = null
    let more = 0
    let end = 0
    this.#hasPassedGap = false
    for (let address = this.#nextTo(head); address >= 0; address = this.#nextTo(head)) {
      const offset = failure === null ? placedOffset(memory, address) : 0
      const status = failure ?? statusOf(memory, address)
      link.promised--
      // Behind a gap its producer does not know how many records the frame before it had.
      if (first !== null && status === RECEIPT_APPENDED && offset === end && !this.#hasPassedGap) more++
      else {
        if (first !== null) link.receipt(this.id, first.ringEnd, first.baseOffset, first.status, more)
        const ringEnd = memory.i32[(address + FRAME_RING_END) >> 2] as number
        first = { ringEnd, baseOffset: Math.max(0, offset), status }
        more = 0
      }
      const count = memory.i32[(address + FRAME_COUNT) >> 2] as number
      end = status === RECEIPT_APPENDED ? offset + count : -1
      link.awaits(awaitedIn(memory, address, count))
      this.#hasPassedGap = false
      consumer.advance(memory.i32[address >> 2] as number)
    }
    if (first !== null) link.receipt(this.id, first.ringEnd, first.baseOffset, first.status, more)
  }

  /** A gap behind the last frame goes back as well: nothing may come after it, to be answered and released. */
  release(): void {
    this.#passGaps()
    this.consumer.release()
  }

  tell(): void {
    if (!this.link.publish()) this.link.ring()
  }

  /** Address of the frame at the head, up to a position; -1: there is none. */
  #nextTo(end: number): number {
    const { consumer, memory } = this
    let address = consumer.head === end ? -1 : consumer.next()
    while (address >= 0 && consumer.head !== end && (isGap(memory, address) || isNote(memory, address))) {
      if (isGap(memory, address)) this.#hasPassedGap = true
      consumer.advance(memory.i32[address >> 2] as number)
      address = consumer.head === end ? -1 : consumer.next()
    }
    // It may stand behind a padding, which that look has just passed.
    if (consumer.head === end) return -1
    if (address < 0) throw new Error(`broken invariant: ring ${this.id} ends at ${consumer.head}, before ${end}`)
    return address
  }

  /** Whether it has something, to be taken now or after the ring before it, or is over. */
  get hasMore(): boolean {
    return this.consumer.poll() || this.orphaned || this.consumer.drained
  }

  get hasUnsent(): boolean {
    return this.#unsent.length > 0 || this.owed.length > 0
  }

  /**
   * Takes the ring up where a predecessor's last append left it, at position `taken`: its answers are given again, for what
   * it appended, and for what it did not take, which only the ring still has.
   */
  takeUp(memory: Memory, appended: readonly Answer[], taken: number): void {
    const { consumer } = this
    const answers = [...appended]
    if (((taken - consumer.head) | 0) > 0) {
      consumer.poll()
      this.#findOwed(taken)
      for (let address = this.#nextTo(taken); address >= 0; address = this.#nextTo(taken)) {
        const ringEnd = memory.i32[(address + FRAME_RING_END) >> 2] as number
        if (!appended.some(frame => frame.ringEnd === ringEnd)) answers.push(notTaken(memory, address, ringEnd))
        consumer.advance(memory.i32[address >> 2] as number)
      }
      if (this.owed.length === 0) this.release()
    }
    this.#unsent.push(...answers.sort((a, b) => (a.ringEnd - b.ringEnd) | 0))
    if (this.owed.length === 0) this.sendUnsent()
  }

  /** Notes the joints up to this position, and goes back. */
  #findOwed(end: Position): void {
    const { consumer, memory } = this
    const owed: OwedJoint[] = []
    for (let address = consumer.next(); consumer.head !== end && address >= 0; address = consumer.next()) {
      if (isNote(memory, address)) owed.push({ ...jointAt(memory, address), note: address })
      consumer.advance(memory.i32[address >> 2] as number)
      if (consumer.head === end) break
    }
    consumer.rewind()
    this.owed = owed
  }

  /** All partitions have what it owed. */
  settleOwed(): void {
    this.owed = []
    this.release()
  }

  /** Whether nothing is left: what comes after in this ring is answered later. */
  sendUnsent(): boolean {
    if (this.#unsent.length === 0) return true
    this.#send(this.#unsent.splice(0, Math.min(this.#unsent.length, this.link.room())))
    return this.#unsent.length === 0
  }

  #send(answers: readonly Answer[]): void {
    for (const { ringEnd, baseOffset, status } of answers) this.link.receipt(this.id, ringEnd, baseOffset, status)
    this.link.publish()
  }
}

/** Records of a frame whose receipts are awaited. */
function awaitedIn(memory: FrameMemory, address: number, count: number): number {
  return count === 1 && isRequestAt(memory.i32, address + FRAME_HEADER_BYTES) ? 0 : count
}

function statusOf(memory: FrameMemory, address: number): number {
  if (placedOffset(memory, address) === -1) return RECEIPT_REFUSED
  return isDuplicate(memory, address) ? RECEIPT_DUPLICATE : RECEIPT_APPENDED
}

/** What a frame is answered with that its predecessor has walked over, and not appended. */
function notTaken(memory: FrameMemory, address: number, ringEnd: Position): Answer {
  if (!isDuplicate(memory, address)) return { ringEnd, baseOffset: 0, status: RECEIPT_REFUSED }
  return { ringEnd, baseOffset: placedOffset(memory, address), status: RECEIPT_DUPLICATE }
}
