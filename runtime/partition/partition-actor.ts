/**
 * One partition: takes frames from its producers' rings, gives them offsets, appends them to the log's window.
 *
 * The partition host's thread owns it. Order of one append, which is what makes the host's own death harmless: copy
 * into the window -> commit (the atomic point: end, next offset and how far the ring was taken, together) -> release
 * the ring -> receipts. A successor finds the last commit and does again what may not have happened after it: it takes
 * the ring as released up to there and sends the receipts of the last append again (a repeated receipt is ignored).
 *
 * On disk, what is taken is staged (stored-window.ts): it is committed when the log has it, or forgotten. Where it was never in
 * the window, a successor finds what its answers were in the log.
 *
 * Bound: the window. When it is full, frames stay in their rings and producers wait; without any group a topic drops
 * its oldest whole frames instead (counted), and never a dead letter that is not settled. On disk the oldest frames are
 * overwritten, whoever has not read them here, and nobody waits for longer than a reader copies.
 */
import { CORRUPT, type Memory, WindowReader, WindowWriter } from 'sharedarraybuffer-ring'
import { News } from '../base/news.ts'
import type { LetterIndex } from '../dead-letters/letter-index.ts'
import { MemoryLetterIndex } from '../dead-letters/memory-letter-index.ts'
import { StoredLetterIndex } from '../dead-letters/stored-letter-index.ts'
import type { HostLink } from '../link/host-link.ts'
import { RECEIPT_APPENDED, RECEIPT_REFUSED } from '../link/link.ts'
import {
  FRAME_BASE_SEQUENCE,
  FRAME_BASE_TIMESTAMP,
  FRAME_COUNT,
  FRAME_LAST_OFFSET_DELTA,
  FRAME_PRODUCER_ID,
  FRAME_RING,
  FRAME_RING_END,
  frameBaseOffset,
  placeFrame,
} from '../log/format/frame.ts'
import { findRecord, type StoredRecord } from '../log/format/stored-record.ts'
import { storeHighWatermark } from '../log/store/high-watermark.ts'
import type { Standing } from '../resident/resident.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import type { PartitionPlace, TopicShape } from '../wire/places.ts'
import type { HostPartitionStats } from '../wire/reports.ts'
import type { Answer, IncomingRing } from './incoming-ring.ts'
import { LastCommit } from './last-commit.ts'
import type { PartitionStore, StoreEntry } from './partition-store.ts'
import type { PartitionUpcalls } from './partition-upcalls.ts'
import type { StagedAppend } from './staged-append.ts'
import { StoredWindow } from './stored-window.ts'
import { UnreadWord } from './unread-word.ts'
import { verifyWindow } from './verify-window.ts'

/** Bytes taken from one ring before the next one's turn. */
const QUOTA_BYTES = 65_536
/** What became of a dead letter: there is no room for it, or its topic cannot take it just now, or its disk has failed. */
export type LetterOutcome = 'appended' | 'full' | 'later'

export class PartitionActor {
  readonly topic: TopicShape
  readonly partition: number
  readonly window: WindowWriter
  readonly reader: WindowReader
  readonly #memory: Memory
  readonly #upcalls: PartitionUpcalls
  readonly #last: LastCommit
  readonly #unread: UnreadWord
  /** Null: the topic is in memory only. */
  readonly log: PartitionStore | null
  /** The same window, of a partition on disk. */
  readonly stored: StoredWindow | null
  #rings: IncomingRing[] = []
  /**
   * The ring that is still owed answers of a predecessor's last append. Until it has them nothing is appended: a next commit
   * would take the place of the one that says what they are, and this thread may die as well.
   */
  #owing: IncomingRing | null = null
  /** The next offset to append; also the high watermark, because memory topics are readable at once. */
  #endOffset: number
  /** Records dropped so far. */
  dropped: number
  readonly drops: News = new News()
  /** Threads to wake when the end moves, by the group that they read for. */
  readonly readers: Map<number, HostLink> = new Map()
  /** How far groups have read, by member; of a topic on disk also groups that nobody has opened in this process. */
  readonly groups: Map<number, { committed(): number }> = new Map()
  /** Whether the last `drain` left frames behind for want of room. */
  full = false
  /** Of a partition that takes dead letters. */
  #letterIndex: LetterIndex | null = null
  /** The same, in memory: what may leave the window is its question too. */
  #windowLetters: MemoryLetterIndex | null = null
  #staged: StagedAppend | null = null
  /** Whose turn it is among the rings of a log on disk, of which a pass takes one. */
  #turn = 0

  constructor(memory: Memory, place: PartitionPlace, topic: TopicShape, upcalls: PartitionUpcalls) {
    const { log } = upcalls
    this.log = log
    this.topic = topic
    this.partition = place.partition
    this.#unread = new UnreadWord(memory, place.words, this)
    this.#memory = memory
    this.#upcalls = upcalls
    this.window = new WindowWriter(memory, place.window.address, place.window.capacity)
    this.reader = new WindowReader(memory, place.window.address, place.window.capacity)
    this.reader.follow()
    const parts = [memory, this.window, this.reader] as const
    this.stored =
      log === null
        ? null
        : new StoredWindow(
            place,
            parts,
            place.window.capacity,
            topic.windowBytes,
            upcalls.windows,
            () => this.#owing !== null,
          )
    this.#last = new LastCommit(this.window.own)
    this.#endOffset = this.#last.endOffset
    this.dropped = this.#last.dropped
    verifyWindow(this, this.#endOffset)
    if (log !== null) this.#openLog(log)
  }

  /** The window and the log agree on the end: a new window begins there, and a predecessor's has the last word. */
  #openLog(log: PartitionStore): void {
    if (this.#last.opened) {
      log.truncateTo(this.#endOffset)
      this.#publishEnd(log)
      return
    }
    this.#endOffset = log.endOffset
    this.#last.markOpened()
    this.#publishEnd(log)
    this.#commit(0, 0, this.window.end, null)
  }

  #publishEnd({ words }: PartitionStore): void {
    storeHighWatermark(this.#memory, words, this.#endOffset)
  }

  get highWatermark(): number {
    return this.#endOffset
  }

  get logStartOffset(): number {
    if (this.log !== null) return this.log.startOffset
    return this.window.start === this.window.end ? this.#endOffset : frameBaseOffset(this.reader, this.window.start)
  }

  /** Positions of the frames kept, oldest first. */
  *frames(from: number = this.window.start): Generator<number> {
    for (let position = from; position !== this.window.end; position = (position + this.reader.word(position)) | 0)
      yield position
  }

  /** Adds a producer's ring; taken up where the last commit says it was. Whether it is new. */
  addRing(ring: IncomingRing): boolean {
    if (this.#rings.some(known => known.id === ring.id)) return false
    if (this.#last.ring === ring.id) ring.takeUp(this.#memory, this.#lastAnswers(ring), this.#last.ringEnd)
    if (ring.hasUnsent) this.#owing = ring
    this.#rings.push(ring)
    return true
  }

  /** Whether every answer of a predecessor's last append is out. */
  #hasAnswered(): boolean {
    if (this.#owing === null) return true
    if (!this.#owing.sendUnsent()) return false
    this.#owing = null
    return true
  }

  /** What the last append took from this ring; frames that the window has given up since were answered before. */
  #lastAnswers(ring: IncomingRing): Answer[] {
    const { besideFrom } = this.#last
    if (besideFrom !== null) return this.log?.answersOf(ring.id, besideFrom, this.#endOffset) ?? []
    const last = this.#last.lastAppend
    const givenUp = ((last - this.window.start) | 0) < 0
    const answers: Answer[] = []
    for (const position of this.frames(givenUp ? this.window.start : last)) {
      if (this.reader.word(position + FRAME_RING) !== ring.id) continue
      const ringEnd = this.reader.word(position + FRAME_RING_END)
      answers.push({ ringEnd, baseOffset: frameBaseOffset(this.reader, position), status: RECEIPT_APPENDED })
    }
    return answers
  }

  ringOf(id: number): IncomingRing | undefined {
    return this.#rings.find(ring => ring.id === id)
  }

  /** Its topic is no more: what is in its rings is not taken here. */
  giveUpRings(): IncomingRing[] {
    return this.#rings.splice(0)
  }

  /** Whether `drain` would find something; `full` partitions count only when there may be room again. */
  ready(): boolean {
    if (this.#owing !== null) return this.#owing.link.room() > 0
    for (const ring of this.#rings) {
      if (ring.after !== 0) continue
      // Without room for its answers a ring waits; its thread rings when it has made some.
      if (ring.consumer.poll()) {
        if ((!this.full || this.#mayHaveRoom()) && ring.link.room() > 0) return true
      } else if (ring.orphaned || ring.consumer.drained) return true
    }
    return false
  }

  /** Where it stands as a resident of its host (resident/resident.ts). */
  standing(): Standing {
    if (this.ready()) return 'ready'
    if (this.full) return 'waitsForCommit'
    return this.#owing !== null || this.#rings.some(({ hasMore }) => hasMore) ? 'waits' : 'rests'
  }

  #mayHaveRoom(): boolean {
    // In the way is only who was copying at that moment: nobody rings when that is over, and it soon is.
    if (this.log !== null) return true
    const before = this.window.free()
    return this.#reclaim() > before
  }

  /** Moves the start up to the slowest group; dead letters that all groups have settled go with the rest. */
  #reclaim(): number {
    this.#letterIndex?.countRead()
    return this.window.reclaim()
  }

  /** Takes what the rings hold, in turn and by quota; whether anything was appended. */
  drain(): boolean {
    this.full = false
    this.refreshUnread()
    if (!this.#hasAnswered()) return false
    let worked = false
    for (const ring of this.log === null ? this.#rings : this.#inTurn()) {
      if (ring.after !== 0) continue
      if (ring.consumer.poll()) {
        if (this.#take(ring)) worked = true
      } else if ((ring.orphaned && !ring.consumer.poll()) || ring.consumer.drained) {
        this.#drained(ring)
        worked = true
      }
      if (this.#staged !== null) break
    }
    if (worked && this.#staged === null) this.#wakeReaders()
    return worked
  }

  /** Tells producers anew how much is unread, as readers settle without telling; whether anything is. */
  refreshUnread(): boolean {
    return this.#unread.refresh(this.#endOffset)
  }

  /** The rings, another one first each time. */
  #inTurn(): readonly IncomingRing[] {
    if (this.#rings.length < 2) return this.#rings
    this.#turn = (this.#turn + 1) % this.#rings.length
    return [...this.#rings.slice(this.#turn), ...this.#rings.slice(0, this.#turn)]
  }

  #drained(ring: IncomingRing): void {
    this.#rings = this.#rings.filter(other => other !== ring)
    for (const next of this.#rings) if (next.after === ring.id) next.after = 0
    this.#upcalls.ringDrained(ring)
  }

  #wakeReaders(): void {
    for (const [cursor, link] of this.readers) link.wake(cursor)
  }

  #take(ring: IncomingRing): boolean {
    if (this.stored !== null) return this.#stage(ring, this.stored)
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
    if (address === CORRUPT) throw this.#corrupt(ring)
    if (taken === 0) return false
    this.#upcalls.took(taken)
    this.#commit(ring.id, consumer.head, lastAppend, null)
    // A refused frame is nowhere but in its ring: that is kept until its answer is out, for a successor to find.
    if (refused) link.publish()
    consumer.release()
    this.#upcalls.fault(FAULT_POINT.betweenRingAndReceipt)
    if (refused) link.ring()
    else link.publish()
    return true
  }

  #stage(ring: IncomingRing, stored: StoredWindow): boolean {
    const failure = this.log?.failure ?? null
    if (failure !== null) return this.#refuseAll(ring, failure)
    const staged = stored.stage(ring, this.#endOffset)
    if (staged.isCorrupt) throw this.#corrupt(ring)
    if (staged.isCut) this.full = true
    if (staged.isEmpty) return false
    this.#upcalls.took(staged.bytes)
    this.#endOffset = staged.endOffset
    this.#staged = staged
    return true
  }

  #corrupt({ id, consumer }: IncomingRing): Error {
    return new Error(
      `broken invariant: ring ${id} of topic ${this.topic.name} holds bytes that are no record at position ${consumer.head}`,
    )
  }

  /** The disk has failed before: nothing is taken any more. */
  #refuseAll({ consumer, link, id }: IncomingRing, failure: number): boolean {
    let receipts = link.room()
    for (let address = consumer.next(); address >= 0 && receipts > 0; address = consumer.next()) {
      link.receipt(id, this.#memory.i32[(address + FRAME_RING_END) >> 2] as number, 0, failure)
      consumer.advance(this.#memory.i32[address >> 2] as number)
      receipts--
    }
    // Answers first, as for all that is nowhere but in its ring.
    link.publish()
    consumer.release()
    return true
  }

  /** What was taken in this pass and is to be on disk before it is committed; null: nothing. */
  get staged(): StoreEntry | null {
    const staged = this.#staged
    if (this.log === null || staged === null) return null
    const { parts, bytes, baseOffset, endOffset, maxTimestamp } = staged
    const frames = { baseOffset, endOffset, maxTimestamp }
    if (parts !== null) return { log: this.log.stored, ...frames, parts, bytes }
    return this.log.entry(this.reader, staged.from, this.window.end, frames)
  }

  /** What was staged is on disk: readers may see it, and its producer is answered. */
  commitStaged(): void {
    const staged = this.#staged
    if (staged === null || this.log === null) return
    this.#staged = null
    const { consumer } = staged.ring
    this.#commit(staged.ring.id, consumer.head, staged.from, staged.parts === null ? null : staged.baseOffset)
    this.#publishEnd(this.log)
    consumer.release()
    this.#upcalls.fault(FAULT_POINT.betweenRingAndReceipt)
    staged.answer(null)
    this.stored?.took(staged.bytes)
    this.#wakeReaders()
  }

  /** What was staged may be on disk or not: nobody reads it, and its producer is told so. */
  failStaged(failure: number): void {
    const staged = this.#staged
    if (staged === null) return
    this.#staged = null
    this.window.rewind()
    this.#endOffset = staged.baseOffset
    staged.answer(failure)
    staged.ring.consumer.release()
  }

  #commit(ring: number, ringEnd: number, lastAppend: number, besideFrom: number | null): void {
    this.#last.set(this.#endOffset, ring, ringEnd, lastAppend, besideFrom)
    this.#upcalls.fault(FAULT_POINT.beforeCommit)
    this.window.commit()
    this.#unread.tell(this.#endOffset)
    this.#upcalls.fault(FAULT_POINT.betweenWindowAndRing)
  }

  #makeRoom(bytes: number): boolean {
    if (this.stored !== null) return this.stored.overtake(bytes)
    if (this.window.gates.length > 0) return this.#reclaim() >= bytes
    const letterIndex = this.#windowLetters
    // Not into what this very append has copied in: that is committed first.
    while (this.window.free() < bytes && this.window.start !== this.window.committedEnd) {
      const { start } = this.window
      if (letterIndex !== null && !letterIndex.mayGo(start)) break
      if (letterIndex === null || !letterIndex.isLetter(start)) this.#drop(this.reader.word(start + FRAME_COUNT))
      this.window.drop(this.reader.word(start))
    }
    letterIndex?.gone(this.window.start)
    this.#last.dropped = this.dropped
    return this.window.free() >= bytes
  }

  #drop(records: number): void {
    this.dropped += records
    this.drops.add(records)
    this.#upcalls.dropped()
  }

  /**
   * From now on dead letters are appended here; `address` is where what is settled of them is kept in memory.
   *
   * @throws MillraceError MILL_DISK, MILL_CORRUPT
   */
  takeDeadLetters(address: number): void {
    if (this.#letterIndex !== null) return
    if (this.log !== null) this.#letterIndex = new StoredLetterIndex(this.log, this)
    else
      this.#letterIndex = this.#windowLetters = new MemoryLetterIndex(this.#memory, address, this.reader, this.window)
  }

  get letterIndex(): LetterIndex | null {
    return this.#letterIndex
  }

  /** Appends a dead letter of this member, made on this thread. */
  appendLetter(frame: Uint8Array, place: (baseOffset: number) => void, cursor: number): LetterOutcome {
    const letterIndex = this.#letterIndex
    if (letterIndex === null) throw new Error(`broken invariant: topic ${this.topic.name} takes no dead letters`)
    if (!this.#hasAnswered()) return 'later'
    const isBeside = this.stored?.holds(frame.length) === false
    if (!isBeside && this.window.free() < frame.length && !this.#makeRoom(frame.length))
      return this.log === null ? 'full' : 'later'
    if (!letterIndex.appending(this.#endOffset)) return 'later'
    const lastAppend = this.window.end
    place(this.#endOffset)
    if (!isBeside) this.window.writeIn(frame)
    else if (!this.window.skip(frame.length)) return 'later'
    this.#endOffset++
    if (this.log !== null && !this.#storeLetter(this.log, isBeside ? null : lastAppend, frame)) return 'later'
    this.#commit(0, 0, lastAppend, null)
    if (this.log !== null) this.#publishEnd(this.log)
    this.stored?.took(frame.length)
    letterIndex.appended(cursor)
    this.#wakeReaders()
    return 'appended'
  }

  /** `from`: where it is in the window; null: it is not there. */
  #storeLetter(log: PartitionStore, from: number | null, frame: Uint8Array): boolean {
    const maxTimestamp = new DataView(frame.buffer, frame.byteOffset).getFloat64(FRAME_BASE_TIMESTAMP, true)
    const frames = { baseOffset: this.#endOffset - 1, endOffset: this.#endOffset, maxTimestamp }
    const entry =
      from === null
        ? { log: log.stored, ...frames, parts: [frame], bytes: frame.length }
        : log.entry(this.reader, from, this.window.end, frames)
    if (log.append(entry)) return true
    this.window.rewind()
    this.#endOffset--
    return false
  }

  /** A record that is kept, from the window position where it may be; null: it is not there. */
  record(from: number, offset: number): StoredRecord | null {
    const found = findRecord(this.reader, from, this.window.committedEnd, offset)
    return found ?? this.log?.record(offset, this.#endOffset) ?? null
  }

  /**
   * Sequences of the frames kept that this producer appended locally: what is done already, after a restart. On disk, those
   * from the offset `from` on.
   */
  sequencesOf(producerId: number, from: number): Set<number> {
    if (this.log !== null) return this.log.sequencesOf(producerId, from, this.#endOffset)
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
    this.#letterIndex?.countRead()
    // Looking at a dead-letter topic takes nothing away from who looks at its letters.
    if (this.#letterIndex === null) this.window.reclaim()
    return {
      partition: this.partition,
      logStartOffset: this.logStartOffset,
      highWatermark: this.#endOffset,
      windowBytes: this.topic.windowBytes,
      usedBytes: this.window.capacity - this.window.free(),
      dropped: this.dropped,
      deadLetterDepth: this.#letterIndex?.depth ?? 0,
      diskBytes: this.log?.bytes ?? 0,
    }
  }
}
