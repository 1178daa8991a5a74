/**
 * One partition: takes frames from its producers' rings, gives them offsets, appends them to the log's window.
 *
 * The partition host's thread owns it. Order of one append, which is what makes the host's own death harmless: copy
 * into the window -> commit (the atomic point: end, next offset and how far the ring was taken, together) -> release
 * the ring -> receipts. A successor finds the last commit and does again what may not have happened after it: it takes
 * the ring as released up to there and sends the receipts of the last append again (a repeated receipt is ignored).
 *
 * Bound: the window. When it is full, frames stay in their rings and producers wait; without any group a topic drops
 * its oldest whole frames instead (counted), and never a dead letter that is not settled.
 */
import { CORRUPT, type Memory, type RingConsumer, WindowReader, WindowWriter } from 'sharedarraybuffer-ring'
import { LetterDesk } from '../dead-letters/letter-desk.ts'
import { FAULT_POINT } from '../layout.ts'
import { RECEIPT_APPENDED, RECEIPT_REFUSED } from '../link.ts'
import {
  FRAME_BASE_SEQUENCE,
  FRAME_COUNT,
  FRAME_LAST_OFFSET_DELTA,
  FRAME_PRODUCER_ID,
  FRAME_RING,
  FRAME_RING_END,
  frameBaseOffset,
  frameEndOffset,
  frameIsValid,
  highOf,
  joinOffset,
  placeFrame,
} from '../log/frame.ts'
import type {
  HostPartitionStats,
  LetterCursor,
  LetterMark,
  LetterPage,
  PartitionPlace,
  TopicShape,
} from '../protocol.ts'
import type { HostLink } from './host-link.ts'

/** Bytes taken from one ring before the next one's turn. */
const QUOTA_BYTES = 65_536

const OWN_END_LOW = 0
const OWN_END_HIGH = 1
const OWN_RING = 2
const OWN_RING_END = 3
const OWN_LAST_APPEND = 4
const OWN_DROPPED_LOW = 5
const OWN_DROPPED_HIGH = 6

/** One producer's ring as the partition sees it. */
export interface IncomingRing {
  readonly id: number
  readonly consumer: RingConsumer
  readonly link: HostLink
  /** Ring that must be drained first; 0: none. */
  after: number
  /** The producer's thread has ended: nothing will be published any more. */
  orphaned: boolean
  /** A predecessor's answers, to be given again when there is room for them; at most those of one append. */
  unsent: { readonly ringEnd: number; readonly baseOffset: number; readonly status: number }[]
}

/** What the partition needs of its host. */
export interface PartitionSurroundings {
  /** Stops here for ever if a test has armed this point. */
  fault(point: number): void
  /** A ring is closed or orphaned, and drained: its memory can be freed. */
  ringDrained(ring: IncomingRing): void
}

export class PartitionActor {
  readonly topic: TopicShape
  readonly partition: number
  readonly window: WindowWriter
  readonly reader: WindowReader
  readonly #memory: Memory
  readonly #surroundings: PartitionSurroundings
  #rings: IncomingRing[] = []
  /** The next offset to append; also the high watermark, because memory topics are readable at once. */
  #endOffset: number
  #dropped: number
  /** Threads to wake when the end moves, by the group that they read for. */
  readonly readers: Map<number, HostLink> = new Map()
  /** Whether the last `drain` left frames behind for want of room. */
  full = false
  /** Of a partition that takes dead letters. */
  #desk: LetterDesk | null = null

  constructor(memory: Memory, place: PartitionPlace, topic: TopicShape, surroundings: PartitionSurroundings) {
    this.topic = topic
    this.partition = place.partition
    this.#memory = memory
    this.#surroundings = surroundings
    this.window = new WindowWriter(memory, place.window.address, place.window.capacity)
    this.reader = new WindowReader(memory, place.window.address, place.window.capacity)
    const { own } = this.window
    this.#endOffset = joinOffset(own[OWN_END_LOW] as number, own[OWN_END_HIGH] as number)
    this.#dropped = joinOffset(own[OWN_DROPPED_LOW] as number, own[OWN_DROPPED_HIGH] as number)
    this.#verify()
  }

  /** After a predecessor's death: every frame kept has a signed header and follows the one before. */
  #verify(): void {
    let next = -1
    for (const position of this.frames()) {
      const available = (this.window.end - position) | 0
      if (
        !frameIsValid(this.reader, position, available) ||
        (next !== -1 && frameBaseOffset(this.reader, position) !== next)
      ) {
        throw new Error(
          `broken invariant: topic ${this.topic.name} partition ${this.partition} has an invalid frame at position ${position}`,
        )
      }
      next = frameEndOffset(this.reader, position)
    }
    if (next !== -1 && next !== this.#endOffset)
      throw new Error(
        `broken invariant: topic ${this.topic.name} partition ${this.partition} ends at ${next}, not at ${this.#endOffset}`,
      )
  }

  get highWatermark(): number {
    return this.#endOffset
  }

  get logStartOffset(): number {
    return this.window.start === this.window.end ? this.#endOffset : frameBaseOffset(this.reader, this.window.start)
  }

  /** Positions of the frames kept, oldest first. */
  *frames(from: number = this.window.start): Generator<number> {
    for (let position = from; position !== this.window.end; position = (position + this.reader.word(position)) | 0)
      yield position
  }

  /** Adds a producer's ring; taken up where the last commit says it was. */
  addRing(ring: IncomingRing): void {
    if (this.#rings.some(known => known.id === ring.id)) return
    const { own } = this.window
    if (own[OWN_RING] === ring.id) this.#repeatReceipts(ring, own[OWN_RING_END] as number)
    this.#rings.push(ring)
  }

  /** Answers the last append's frames again, and those of its ring that it refused, which only the ring still has. */
  #repeatReceipts(ring: IncomingRing, taken: number): void {
    const last = this.window.own[OWN_LAST_APPEND] as number
    const appended: IncomingRing['unsent'] = []
    // What the window has given up since was answered before: its place may hold anything now.
    const givenUp = ((last - this.window.start) | 0) < 0
    for (const position of this.frames(givenUp ? this.window.start : last)) {
      if (this.reader.word(position + FRAME_RING) !== ring.id) continue
      const ringEnd = this.reader.word(position + FRAME_RING_END)
      appended.push({ ringEnd, baseOffset: frameBaseOffset(this.reader, position), status: RECEIPT_APPENDED })
    }
    const { consumer, unsent } = ring
    if (((taken - consumer.head) | 0) > 0) {
      consumer.poll()
      while (consumer.head !== taken) {
        const address = consumer.next()
        // It stood behind a padding, which that look has just passed.
        if (consumer.head === taken) break
        if (address < 0) throw new Error(`broken invariant: ring ${ring.id} ends at ${consumer.head}, before ${taken}`)
        const ringEnd = this.#memory.i32[(address + FRAME_RING_END) >> 2] as number
        if (!appended.some(frame => frame.ringEnd === ringEnd))
          appended.push({ ringEnd, baseOffset: 0, status: RECEIPT_REFUSED })
        consumer.advance(this.#memory.i32[address >> 2] as number)
      }
      consumer.release()
    }
    unsent.push(...appended.sort((a, b) => (a.ringEnd - b.ringEnd) | 0))
    this.#sendUnsent(ring)
  }

  /** Whether nothing is left: what comes after in this ring is answered later. */
  #sendUnsent(ring: IncomingRing): boolean {
    const { unsent, link } = ring
    if (unsent.length === 0) return true
    const sent = unsent.splice(0, Math.min(unsent.length, link.room()))
    for (const { ringEnd, baseOffset, status } of sent) link.receipt(ring.id, ringEnd, baseOffset, status)
    link.publish()
    return unsent.length === 0
  }

  ringOf(id: number): IncomingRing | undefined {
    return this.#rings.find(ring => ring.id === id)
  }

  /** The client's thread has ended: its rings end at their published tails. */
  orphan(link: HostLink): void {
    for (const ring of this.#rings) if (ring.link === link) ring.orphaned = true
  }

  hasRingsOf(link: HostLink): boolean {
    return this.#rings.some(ring => ring.link === link)
  }

  /** Whether `drain` would find something; `full` partitions count only when there may be room again. */
  ready(): boolean {
    for (const ring of this.#rings) {
      if (ring.after !== 0) continue
      // Without room for its answers a ring waits; its client rings when it has made some.
      if (ring.consumer.poll() || ring.unsent.length > 0) {
        if ((!this.full || this.#mayHaveRoom()) && ring.link.room() > 0) return true
      } else if (ring.orphaned || ring.consumer.drained) return true
    }
    return false
  }

  #mayHaveRoom(): boolean {
    const before = this.window.free()
    return this.#reclaim() > before
  }

  /** Moves the start up to the slowest group; dead letters that all groups have settled go with the rest. */
  #reclaim(): number {
    this.countRead()
    return this.window.reclaim()
  }

  /** Letters before the slowest group that reads a dead-letter topic wait no more. */
  countRead(): void {
    const desk = this.#desk
    const { gates, start, end } = this.window
    if (desk === null || gates.length === 0) return
    let least = (end - start) | 0
    for (const gate of gates) least = Math.min(least, (this.#memory.load(gate) - start) | 0)
    if (least > 0) desk.read((start + least) | 0)
  }

  /** Bytes appended from rings so far. */
  takenBytes = 0

  /** Takes what the rings hold, in turn and by quota; whether anything was appended. */
  drain(): boolean {
    let worked = false
    this.full = false
    for (let index = 0; index < this.#rings.length; index++) {
      const ring = this.#rings[index] as IncomingRing
      if (ring.after !== 0 || !this.#sendUnsent(ring)) continue
      if (ring.consumer.poll()) {
        if (this.#take(ring)) worked = true
      } else if ((ring.orphaned && !ring.consumer.poll()) || ring.consumer.drained) {
        this.#rings.splice(index--, 1)
        for (const next of this.#rings) if (next.after === ring.id) next.after = 0
        this.#surroundings.ringDrained(ring)
        worked = true
      }
    }
    if (worked) for (const link of this.readers.values()) link.wake()
    return worked
  }

  #take(ring: IncomingRing): boolean {
    const { consumer, link } = ring
    const words = this.#memory.i32
    const lastAppend = this.window.end
    let receipts = link.room()
    let taken = 0
    let refused = false
    let address = consumer.next()
    for (; address >= 0 && receipts > 0 && taken < QUOTA_BYTES; address = consumer.next()) {
      const length = words[address >> 2] as number
      const ringEnd = words[(address + FRAME_RING_END) >> 2] as number
      if (this.window.free() >= length || this.#makeRoom(length)) {
        const baseOffset = this.#endOffset
        placeFrame(this.#memory, address, baseOffset)
        this.window.copyIn(address, length)
        this.#endOffset = baseOffset + (words[(address + FRAME_LAST_OFFSET_DELTA) >> 2] as number) + 1
        link.receipt(ring.id, ringEnd, baseOffset, RECEIPT_APPENDED)
      } else if (this.topic.onFull === 'reject') {
        link.receipt(ring.id, ringEnd, 0, RECEIPT_REFUSED)
        refused = true
      } else {
        this.full = true
        break
      }
      consumer.advance(length)
      receipts--
      taken += length
    }
    if (address === CORRUPT) {
      throw new Error(
        `broken invariant: ring ${ring.id} of topic ${this.topic.name} holds bytes that are no record at position ${consumer.head}`,
      )
    }
    if (taken === 0) return false
    this.takenBytes += taken
    this.#commit(ring.id, consumer.head, lastAppend)
    // A refused frame is nowhere but in its ring: that is kept until its answer is out, for a successor to find.
    if (refused) link.publish()
    consumer.release()
    this.#surroundings.fault(FAULT_POINT.betweenRingAndReceipt)
    if (refused) link.wake()
    else link.publish()
    return true
  }

  #commit(ring: number, ringEnd: number, lastAppend: number): void {
    const { own } = this.window
    own[OWN_END_LOW] = this.#endOffset | 0
    own[OWN_END_HIGH] = highOf(this.#endOffset)
    own[OWN_RING] = ring
    own[OWN_RING_END] = ringEnd
    own[OWN_LAST_APPEND] = lastAppend
    this.#surroundings.fault(FAULT_POINT.beforeCommit)
    this.window.commit()
    this.#surroundings.fault(FAULT_POINT.betweenWindowAndRing)
  }

  /** Goes with the start that it belongs to, also when that is committed by itself. */
  #ownDropped(): void {
    this.window.own[OWN_DROPPED_LOW] = this.#dropped | 0
    this.window.own[OWN_DROPPED_HIGH] = highOf(this.#dropped)
  }

  #makeRoom(bytes: number): boolean {
    if (this.window.gates.length > 0) return this.#reclaim() >= bytes
    const desk = this.#desk
    // Not into what this very append has copied in: that is committed first.
    while (this.window.free() < bytes && this.window.start !== this.window.committedEnd) {
      const { start } = this.window
      if (desk !== null && !desk.mayGo(start)) break
      if (desk === null || !desk.isLetter(start)) this.#dropped += this.reader.word(start + FRAME_COUNT)
      this.window.drop(this.reader.word(start))
    }
    desk?.gone(this.window.start)
    this.#ownDropped()
    return this.window.free() >= bytes
  }

  /** From now on dead letters are appended here; `address` is where what is settled of them is kept. */
  takeDeadLetters(address: number): void {
    this.#desk ??= new LetterDesk(this.#memory, address, this.reader, this.window.start, this.window.end)
  }

  get desk(): LetterDesk | null {
    return this.#desk
  }

  letters(cursor: LetterCursor): LetterPage {
    const { start, end } = this.window
    return this.#desk?.page(cursor, start, end) ?? { frames: new Uint8Array(0), next: null }
  }

  settleLetters(letters: readonly LetterMark[]): void {
    this.#desk?.settle(letters, this.logStartOffset)
  }

  /** Appends a dead letter of this member, made on this thread; false when there is no room. */
  appendLetter(frame: Uint8Array, place: (baseOffset: number) => void, member: number): boolean {
    const desk = this.#desk
    if (desk === null) throw new Error(`broken invariant: topic ${this.topic.name} takes no dead letters`)
    if (this.window.free() < frame.length && !this.#makeRoom(frame.length)) return false
    const lastAppend = this.window.end
    place(this.#endOffset)
    desk.appending(this.#endOffset)
    this.window.writeIn(frame)
    this.#endOffset++
    this.#commit(0, 0, lastAppend)
    desk.appended(member)
    for (const link of this.readers.values()) link.wake()
    return true
  }

  /** Sequences of the frames kept that this producer appended locally: what is done already, after a restart. */
  sequencesOf(producerId: number): Set<number> {
    const found = new Set<number>()
    const id = new Float64Array(1)
    const bytes = new Uint8Array(id.buffer)
    for (const position of this.frames()) {
      if (this.reader.word(position + FRAME_RING) !== 0) continue
      this.reader.copyOut(position + FRAME_PRODUCER_ID, 8, bytes, 0)
      if (id[0] === producerId) found.add(this.reader.word(position + FRAME_BASE_SEQUENCE))
    }
    return found
  }

  stats(): HostPartitionStats {
    this.countRead()
    // Looking at a dead-letter topic takes nothing away from who looks at its letters.
    if (this.#desk === null) this.window.reclaim()
    return {
      partition: this.partition,
      logStartOffset: this.logStartOffset,
      highWatermark: this.#endOffset,
      windowBytes: this.window.capacity,
      usedBytes: this.window.capacity - this.window.free(),
      dropped: this.#dropped,
      deadLetterDepth: this.#desk?.depth ?? 0,
    }
  }
}
