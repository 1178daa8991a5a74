/**
 * The way of messages into a queue: whether their frames are taken, and when the core knows them.
 *
 * The partition host's thread. A frame is taken whole or not at all. Each message is admitted by the core before it is copied, and
 * appended there when the window is committed. With `dropHead` what makes room is a dead letter, or gone, before that. A frame that is
 * not taken drops nothing, but where some of its letters had room and one had not.
 *
 * Bounds: those of the queue's policy, and the messages of its block.
 */

import { instant } from '../base/instant.ts'
import {
  FRAME_ATTRIBUTES,
  FRAME_BASE_TIMESTAMP,
  FRAME_COUNT,
  FRAME_HAS_QUEUE_FIELDS,
  FRAME_HEADER_BYTES,
  type FrameMemory,
} from '../log/format/frame.ts'
import { notBeforeAt } from '../log/format/queue-fields.ts'
import { HAS_QUEUE_FIELDS, RECORD_HEADER_BYTES, RECORD_TIMESTAMP_DELTA } from '../log/format/record.ts'
import type { QueueGate } from '../partition/queue-keeping.ts'
import type { Offset, Position } from '../words/quantities.ts'
import type { TakingQueue } from './kept-messages.ts'
import { frameMessagesBytes, messageBytes } from './message-bytes.ts'
import { isMovedFrame, type MessageIndex } from './message-index.ts'
import type { QueueBlock } from './queue-block.ts'
import type { WindowCleaner } from './window-cleaner.ts'
import { takeTimes, timeIn } from './window-times.ts'

/** A frame of several records has no more than this, and one record. */
const FRAME_BYTES = 16_384
const HEADERS_BYTES = 1_024
/** What is kept of messages in memory. */
export interface WindowMessages {
  readonly source: MessageIndex
  readonly block: QueueBlock
  readonly cleaner: WindowCleaner
}

export class QueueIntake implements QueueGate {
  readonly isOpen = true
  readonly #queue: TakingQueue
  readonly #messages: WindowMessages
  /** Position after the frames that the core knows. */
  #knownTo: Position
  /** Messages admitted and not committed. */
  #pending = 0
  /** Their bytes, and those of them that are scheduled. */
  #pendingBytes = 0
  #pendingScheduled = 0
  #sizes: number[] = []
  /** Of the frame that was admitted last. */
  #lastCount = 0
  #lastCounted = 0
  #lastBytes = 0
  #lastScheduled = 0
  /** What there was when a frame found no room. */
  #fullMessages = 0
  #fullBytes = 0
  /** What plain frames need that found no room since one was taken: the least of each. Infinity: none did; 0: nor did another frame. */
  #neededMessages = Number.POSITIVE_INFINITY
  #neededBytes = Number.POSITIVE_INFINITY
  #fullScheduled = 0
  readonly #largestFrame: number
  /** Kept free for a message that is moved. */
  readonly #reserve: number
  /** Messages of a frame, at most. */
  readonly #mostMessages: number

  constructor(queue: TakingQueue, messages: WindowMessages) {
    this.#queue = queue
    this.#messages = messages
    this.#knownTo = queue.partition.window.committedEnd
    this.#reserve = messageBytes(queue.partition.topic.maxMessageBytes + HEADERS_BYTES)
    this.#largestFrame = FRAME_BYTES + this.#reserve
    this.#mostMessages = Math.max(1, messages.block.messages >> 6)
  }

  makeRoom(bytes: number): boolean {
    const { partition } = this.#queue
    const { cleaner, source: index } = this.#messages
    const free = bytes + this.#reserve
    if (partition.window.free() < free || index.room < this.#mostMessages) cleaner.makeRoom(free, this.#mostMessages)
    // All that came is known, and what was moved lies behind it.
    this.#knownTo = partition.window.committedEnd
    return partition.window.free() >= free || this.#isFull()
  }

  roomBytes(): number {
    const { partition, policy } = this.#queue
    const index = this.#messages.source
    // What was just taken may have to make room for what comes next, and must be ready for that.
    if (policy.onFull === 'dropHead' || index.room < 2 * this.#mostMessages) return 0
    return partition.window.free() - this.#largestFrame - this.#reserve
  }

  admit(memory: FrameMemory, address: number, offset: Offset): boolean {
    const { core } = this.#queue
    const { block, source: index } = this.#messages
    const { i32, f64 } = memory
    const count = i32[(address + FRAME_COUNT) >> 2] as number
    if (index.room - this.#pending < count) return this.#isFull()
    if (!this.#mayBeTaken(i32, address, count)) return this.#noteFull()
    const sizes = this.#sizes
    // A shorter one keeps its array.
    if (sizes.length !== count) sizes.length = count
    const hasFields = (((i32[(address + FRAME_ATTRIBUTES) >> 2] as number) >>> 16) & FRAME_HAS_QUEUE_FIELDS) !== 0
    const now = hasFields ? instant() : null
    const sentMs = f64[(address + FRAME_BASE_TIMESTAMP) >> 3] as number
    let dueMs: Float64Array | null = null
    for (let message = 0, at = address + FRAME_HEADER_BYTES; message < count; message++) {
      const length = i32[at >> 2] as number
      sizes[message] = messageBytes(length)
      if (now !== null && (((i32[(at + 4) >> 2] as number) >>> 16) & HAS_QUEUE_FIELDS) !== 0) {
        const fields = at + RECORD_HEADER_BYTES
        takeTimes(memory, fields, sentMs + (i32[(at + RECORD_TIMESTAMP_DELTA) >> 2] as number), now)
        const due = notBeforeAt(i32[fields >> 2] as number)
        if (due !== 0) {
          dueMs ??= new Float64Array(count)
          dueMs[message] = timeIn(f64[(fields + due) >> 3] as number)
        }
      }
      at += (length + 7) & ~7
    }
    const scheduledBytes = dueMs === null ? 0 : bytesOfDue(sizes, dueMs)
    if (dueMs !== null && !this.#hasRoomFor(scheduledBytes)) return this.#isFull()
    const { taken, counted, countedBytes, dropped } = core.admit(sizes, dueMs)
    const gone = taken < count || dropped.length === 0 ? 0 : this.#queue.drop(dropped)
    if (taken < count || gone < dropped.length) {
      if (taken < count) core.dropped(0)
      core.withdrawn(counted, countedBytes)
      return this.#isFull()
    }
    for (let message = 0; message < count; message++) block.setWord(offset + message, 0)
    this.#pending += count
    this.#pendingBytes += countedBytes
    this.#pendingScheduled += scheduledBytes
    this.#lastCount = count
    this.#lastCounted = counted
    this.#lastBytes = countedBytes
    this.#lastScheduled = scheduledBytes
    this.#neededMessages = Number.POSITIVE_INFINITY
    this.#neededBytes = Number.POSITIVE_INFINITY
    return true
  }

  withdraw(): void {
    this.#pending -= this.#lastCount
    this.#pendingBytes -= this.#lastBytes
    this.#pendingScheduled -= this.#lastScheduled
    this.#queue.core.withdrawn(this.#lastCounted, this.#lastBytes)
  }

  /** Whether the core may take all of a frame, at no cost for each of its messages: a frame that waits is asked for again and again. */
  #mayBeTaken(words: Int32Array, address: number, count: number): boolean {
    const { policy, core } = this.#queue
    const isPlain = (words[(address + FRAME_ATTRIBUTES) >> 2] as number) >>> 16 === 0
    if (!isPlain || policy.onFull === 'dropHead') return true
    const bytes = frameMessagesBytes(words[address >> 2] as number, count)
    if (core.figures.hasRoomFor(count, bytes)) return true
    this.#neededMessages = Math.min(this.#neededMessages, count)
    this.#neededBytes = Math.min(this.#neededBytes, bytes)
    return false
  }

  /** What is scheduled is in no bound of the queue's, and has a quarter of the window. With all else it has three. */
  #hasRoomFor(bytes: number): boolean {
    const { core, partition } = this.#queue
    const quarter = partition.window.capacity / 4
    const scheduled = core.figures.scheduledBytes + this.#pendingScheduled + bytes
    return scheduled <= quarter && core.figures.bytes + this.#pendingBytes + scheduled <= 3 * quarter
  }

  committed(): void {
    const { partition, core, upcalls } = this.#queue
    const index = this.#messages.source
    const { window, reader } = partition
    this.#pending = 0
    this.#pendingBytes = 0
    this.#pendingScheduled = 0
    while (this.#knownTo !== window.committedEnd) {
      const position = this.#knownTo
      this.#knownTo = (position + reader.word(position)) | 0
      // What was moved is known.
      if (isMovedFrame(reader, position)) continue
      const { count, bytes, fields } = index.add(position)
      core.appended(count, bytes, fields)
    }
    upcalls.woken()
  }

  /** From now on it waits for a message to be settled. */
  #isFull(): false {
    this.#neededMessages = 0
    this.#neededBytes = 0
    return this.#noteFull()
  }

  #noteFull(): false {
    const { messages, bytes, scheduled, scheduledBytes } = this.#queue.core.figures
    this.#fullMessages = messages + scheduled
    this.#fullBytes = bytes + scheduledBytes
    this.#fullScheduled = scheduled
    return false
  }

  mayHaveRoom(): boolean {
    const { messages, bytes, scheduled, scheduledBytes } = this.#queue.core.figures
    const hasLess = messages + scheduled < this.#fullMessages || bytes + scheduledBytes < this.#fullBytes
    if (!hasLess && scheduled >= this.#fullScheduled) return false
    const needed = this.#neededMessages
    return needed === Number.POSITIVE_INFINITY || this.#queue.core.figures.hasRoomFor(needed, this.#neededBytes)
  }
}

function bytesOfDue(sizes: readonly number[], dueMs: Float64Array): number {
  return sizes.reduce((sum, bytes, message) => (dueMs[message] === 0 ? sum : sum + bytes), 0)
}
