/**
 * The way of messages into a queue: whether their frames are taken, and when the core knows them.
 *
 * The partition host's thread. A frame is taken whole or not at all. Each message is admitted by the core before it is copied, and
 * appended there when the window is committed. With `dropHead` what makes room is a dead letter, or gone, before that. A frame that is
 * not taken drops nothing, but where some of its letters had room and one had not.
 *
 * Bounds: those of the queue's policy, and the messages of its block.
 */
import { FRAME_COUNT, FRAME_HEADER_BYTES, type FrameMemory } from '../log/format/frame.ts'
import type { QueueGate } from '../partition/queue-keeping.ts'
import type { Offset, Position } from '../words/quantities.ts'
import type { TakingQueue } from './kept-messages.ts'
import { isMovedFrame, type MessageIndex, messageBytes } from './message-index.ts'
import type { QueueBlock } from './queue-block.ts'
import type { WindowCleaner } from './window-cleaner.ts'

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
  #sizes: number[] = []
  /** What there was when a frame found no room. */
  #fullMessages = 0
  #fullBytes = 0
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
    const { i32 } = memory
    const count = i32[(address + FRAME_COUNT) >> 2] as number
    if (index.room - this.#pending < count) return this.#isFull()
    const sizes = this.#sizes
    // A shorter one keeps its array.
    if (sizes.length !== count) sizes.length = count
    for (let message = 0, at = address + FRAME_HEADER_BYTES; message < count; message++) {
      const length = i32[at >> 2] as number
      sizes[message] = messageBytes(length)
      at += (length + 7) & ~7
    }
    const { taken, takenBytes, dropped } = core.admit(sizes)
    const gone = taken < count || dropped.length === 0 ? 0 : this.#queue.drop(dropped)
    if (taken < count || gone < dropped.length) {
      if (taken < count) core.dropped(0)
      core.withdrawn(taken, takenBytes)
      return this.#isFull()
    }
    for (let message = 0; message < count; message++) block.setWord(offset + message, 0)
    this.#pending += count
    return true
  }

  committed(): void {
    const { partition, core, upcalls } = this.#queue
    const index = this.#messages.source
    const { window, reader } = partition
    this.#pending = 0
    while (this.#knownTo !== window.committedEnd) {
      const position = this.#knownTo
      this.#knownTo = (position + reader.word(position)) | 0
      // What was moved is known.
      if (isMovedFrame(reader, position)) continue
      const { count, bytes, priorities } = index.add(position)
      core.appended(count, bytes, priorities)
    }
    upcalls.woken()
  }

  /** From now on it waits for a message to be settled. */
  #isFull(): false {
    const { messages, bytes } = this.#queue.core.figures
    this.#fullMessages = messages
    this.#fullBytes = bytes
    return false
  }

  mayHaveRoom(): boolean {
    const { messages, bytes } = this.#queue.core.figures
    return messages < this.#fullMessages || bytes < this.#fullBytes
  }
}
