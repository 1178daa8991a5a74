/**
 * One partition: its window, its end, and who reads it; the parts that take frames in and keep them are put together here.
 *
 * The partition host's thread owns it. Records come in by rings (ring-intake.ts), dead letters by `append`; both go one way
 * (appender.ts), and are kept in memory or on disk (keeping.ts). A successor takes the rings as released up to the last commit, and
 * sends the receipts of the last append again (a repeated receipt is ignored). Where that went past the window, it finds what its
 * answers were in the log.
 *
 * Bound: the window.
 */

import { type Memory, WindowReader, WindowWriter } from 'sharedarraybuffer-ring'
import { News } from '../base/news.ts'
import type { LetterIndex } from '../dead-letters/letter-index.ts'
import type { HostLink } from '../link/host-link.ts'
import { RECEIPT_APPENDED } from '../link/link.ts'
import { FRAME_RING, FRAME_RING_END, frameBaseOffset } from '../log/format/frame.ts'
import { findRecord, type StoredRecord } from '../log/format/stored-record.ts'
import type { StoreEntry } from '../log/store/log-store-types.ts'
import type { Standing } from '../resident/resident.ts'
import type { PartitionPlace, TopicShape } from '../wire/places.ts'
import type { HostPartitionStats } from '../wire/reports.ts'
import type { CursorId, Offset, PartitionId, Position, RingId, Sequence } from '../words/quantities.ts'
import { Appender, type AppendOutcome } from './appender.ts'
import { DiskKeeping } from './disk-keeping.ts'
import type { FrameBatch } from './frame-batch.ts'
import type { Answer, IncomingRing } from './incoming-ring.ts'
import type { StagedJoint } from './joint-partition.ts'
import type { Keeping } from './keeping.ts'
import type { KeptRecords } from './kept-records.ts'
import { LastCommit } from './last-commit.ts'
import { MadeFrames } from './made-frames.ts'
import { MemoryKeeping } from './memory-keeping.ts'
import { NearReaders } from './near-readers.ts'
import type { PartitionDisk } from './partition-disk.ts'
import { PartitionEnd } from './partition-end.ts'
import type { PartitionUpcalls } from './partition-upcalls.ts'
import { QueueDiskKeeping } from './queue-disk-keeping.ts'
import { type QueueGate, QueueKeeping } from './queue-keeping.ts'
import { RingIntake } from './ring-intake.ts'
import { StoredWindow } from './stored-window.ts'
import { UnreadWord } from './unread-word.ts'
import { verifyWindow } from './verify-window.ts'
import { framesOf } from './window-records.ts'

export class PartitionActor {
  readonly topic: TopicShape
  readonly partition: PartitionId
  readonly window: WindowWriter
  readonly reader: WindowReader
  /** What may be asked of its records. */
  readonly records: KeptRecords
  /** Of a partition on disk: how large its window is. */
  readonly stored: StoredWindow | null
  /** Its log; null: it is in memory only. */
  readonly disk: PartitionDisk | null
  readonly drops: News = new News()
  /** Threads to wake when the end moves, by the group that they read for. */
  readonly readers: Map<CursorId, HostLink> = new Map()
  /** How far groups have read, by member; of a topic on disk also groups that were not opened in this process. */
  readonly groups: Map<CursorId, { committed(): Offset }> = new Map()
  readonly #memory: Memory
  readonly #end: PartitionEnd
  readonly #unread: UnreadWord
  readonly #keeping: Keeping
  readonly near: NearReaders = new NearReaders(this)
  /** Of a work queue. */
  readonly #queue: QueueKeeping | QueueDiskKeeping | null
  readonly #appender: Appender
  readonly #rings: RingIntake
  /** Of a partition that takes dead letters. */
  #letterIndex: LetterIndex | null = null

  constructor(memory: Memory, place: PartitionPlace, topic: TopicShape, upcalls: PartitionUpcalls) {
    const { address, capacity } = place.window
    const fault = (point: number): void => upcalls.fault(point)
    this.topic = topic
    this.partition = place.partition
    this.#memory = memory
    this.window = new WindowWriter(memory, address, capacity)
    this.reader = new WindowReader(memory, address, capacity)
    this.reader.follow()
    this.#unread = new UnreadWord(memory, place.words, this)
    this.#end = new PartitionEnd(new LastCommit(this.window.own), this.window, this.#unread, fault)
    verifyWindow(this, this.#end.offset)
    const parts = [this.window, this.reader] as const
    this.disk = upcalls.log
    if (upcalls.log !== null) {
      const isOwing = (): boolean => this.#rings.isOwing
      this.stored = new StoredWindow(place, parts, capacity, topic.windowBytes, upcalls.windows, isOwing)
      const keeping = new DiskKeeping(memory, parts, upcalls.log, this.#end, this.stored, this, this.near)
      this.#queue = topic.queue === undefined ? null : new QueueDiskKeeping(keeping)
      this.#keeping = this.#queue ?? keeping
    } else {
      this.stored = null
      this.#queue = topic.queue === undefined ? null : new QueueKeeping(parts, this.#end)
      this.#keeping = this.#queue ?? new MemoryKeeping(memory, parts, this.#end, this.drops)
    }
    this.records = this.#keeping.records
    this.#appender = new Appender(this.window, this.#end, this.#keeping, topic.name, fault)
    const terms = {
      refuses: topic.onFull === 'reject' && this.#keeping.whenFull === 'full',
      drops: topic.queue === undefined ? !this.isOnDisk : topic.queue.onFull === 'dropHead',
    }
    this.#rings = new RingIntake(this.#appender, this.#keeping, terms, {
      ringDrained: ring => upcalls.ringDrained(ring),
      took: bytes => upcalls.took(bytes),
      joints: upcalls.joints,
      woken: isAppended => {
        if (isAppended) this.#wakeReaders()
        upcalls.woken(isAppended)
      },
    })
  }

  get highWatermark(): Offset {
    return this.#end.offset
  }

  get logStartOffset(): Offset {
    return this.records.startOffset
  }

  /** Whether another process finds its records. */
  get isOnDisk(): boolean {
    return this.#keeping.isOnDisk
  }

  /** Records dropped so far. */
  get dropped(): number {
    return this.#end.last.dropped
  }

  /** Positions of the frames in the window, oldest first. */
  frames(from: Position = this.window.start): Iterable<Position> {
    return framesOf(this.window, this.reader, from)
  }

  /** Adds a producer's ring; taken up where the last commit says it was. Whether it is new. */
  addRing(ring: IncomingRing): boolean {
    if (this.#rings.of(ring.id) !== undefined) return false
    const { last } = this.#end
    if (last.ring === ring.id) ring.takeUp(this.#memory, this.#lastAnswers(ring), last.ringEnd)
    this.#rings.add(ring)
    return true
  }

  /** What the last append took from this ring; frames that the window has given up since were answered before. */
  #lastAnswers(ring: IncomingRing): Answer[] {
    const { besideFrom, lastAppend } = this.#end.last
    if (besideFrom !== null) return this.records.answersOf(ring.id, besideFrom, this.#end.offset)
    const givenUp = ((lastAppend - this.window.start) | 0) < 0
    const answers: Answer[] = []
    for (const position of this.frames(givenUp ? this.window.start : lastAppend)) {
      if (this.reader.word(position + FRAME_RING) !== ring.id) continue
      const ringEnd = this.reader.word(position + FRAME_RING_END)
      answers.push({ ringEnd, baseOffset: frameBaseOffset(this.reader, position), status: RECEIPT_APPENDED })
    }
    return answers
  }

  ringOf(id: RingId): IncomingRing | undefined {
    return this.#rings.of(id)
  }

  /** Its topic is no more: what is in its rings is not taken here. */
  giveUpRings(): IncomingRing[] {
    return this.#rings.giveUp()
  }

  /** Whether the last `drain` left frames behind for want of room. */
  get full(): boolean {
    return this.#rings.full
  }

  /** Whether `drain` would find something; `full` partitions count only when there may be room again. */
  ready(): boolean {
    return this.#rings.ready()
  }

  /** Where it stands as a resident of its host (resident/resident.ts). */
  standing(): Standing {
    if (this.ready()) return 'ready'
    if (this.full) return 'waitsForCommit'
    return this.#rings.hasMore ? 'waits' : 'rests'
  }

  /** Tells producers anew how much is unread, as readers settle without telling; whether anything is. */
  refreshUnread(): boolean {
    return this.#unread.refresh(this.#end.offset)
  }

  /** Takes what the rings hold, in turn and by quota; whether anything was appended, or staged. */
  drain(): boolean {
    this.refreshUnread()
    const worked = this.#rings.drain()
    if (worked && this.#appender.staged === null) this.#wakeReaders()
    return worked
  }

  /** What was taken in this pass and is to be on disk before it is committed; null: nothing. */
  get staged(): StoreEntry | null {
    return this.#appender.staged
  }

  /** What was taken in this pass together with other partitions, for the disk, once; null: nothing. */
  takeStagedJoint(): StagedJoint | null {
    return this.#rings.takeStagedJoint()
  }

  /** What was staged is on disk: readers may see it, and its producer is answered. */
  commitStaged(): void {
    if (this.#appender.staged === null) return
    this.#appender.commitStaged()
    this.#wakeReaders()
  }

  /** What was staged may be on disk or not: it is never readable, and its producer is told so. */
  failStaged(failure: number): void {
    this.#appender.failStaged(failure)
  }

  /** Appends what this thread has made; on disk by a commit of its own. */
  append(batch: FrameBatch): AppendOutcome {
    if (!this.#rings.mayAppend()) return 'later'
    const outcome = this.#appender.append(batch)
    if (outcome === 'appended') this.#wakeReaders()
    return outcome
  }

  /** Takes messages for this queue from now on; null: for none. */
  serve(queue: QueueGate | null): void {
    if (this.#queue === null) throw new Error(`broken invariant: topic ${this.topic.name} is no queue`)
    this.#queue.gate = queue
  }

  #wakeReaders(): void {
    for (const [cursor, link] of this.readers) link.wake(cursor)
  }

  /**
   * From now on dead letters are appended here; `address` is where what is settled of them is kept in memory.
   *
   * @throws MillraceError MILL_DISK, MILL_CORRUPT
   */
  takeDeadLetters(address: number): void {
    this.#letterIndex ??= this.#keeping.takeLetters(address)
  }

  get letterIndex(): LetterIndex | null {
    return this.#letterIndex
  }

  /** Appends a dead letter of this member. */
  appendLetter(frame: Uint8Array<ArrayBuffer>, cursor: CursorId): AppendOutcome {
    const letterIndex = this.#letterIndex
    if (letterIndex === null) throw new Error(`broken invariant: topic ${this.topic.name} takes no dead letters`)
    if (!letterIndex.appending(this.#end.offset)) return 'later'
    const outcome = this.append(new MadeFrames(frame))
    if (outcome === 'appended') letterIndex.appended(cursor)
    return outcome
  }

  /** A record that is kept, from the window position where it may be; null: it is not there. */
  record(from: Position, offset: Offset): StoredRecord | null {
    const found = findRecord(this.reader, from, this.window.committedEnd, offset)
    return found ?? this.records.record(offset, this.#end.offset)
  }

  /** Sequences of the records kept that this producer appended on this thread: what is done already, after a restart. */
  sequencesOf(producerId: number, from: Offset): Set<Sequence> {
    return this.records.sequencesOf(producerId, from, this.#end.offset)
  }

  /** The low word of a named producer's last number, from an offset on. A queue knows it when its message is gone from the log. */
  lastSequence(producerId: number, from: Offset): Sequence | null {
    const found = this.records.lastSequence(producerId, from, this.#end.offset)
    const kept = this.topic.queue === undefined ? undefined : this.disk?.openSettled().numbers.get(producerId)
    if (kept === undefined || (found !== null && ((found - kept.last) | 0) > 0)) return found
    return kept.last | 0
  }

  stats(): HostPartitionStats {
    this.#letterIndex?.countRead()
    // Looking at a dead-letter topic takes nothing away from who looks at its letters.
    if (this.#letterIndex === null && this.#queue === null) this.window.reclaim()
    return {
      partition: this.partition,
      logStartOffset: this.logStartOffset,
      highWatermark: this.#end.offset,
      windowBytes: this.topic.windowBytes,
      usedBytes: this.window.capacity - this.window.free(),
      dropped: this.dropped,
      deadLetterDepth: this.#letterIndex?.depth ?? 0,
      diskBytes: this.records.bytes,
    }
  }
}
