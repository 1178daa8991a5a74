/**
 * The way of messages into a queue on disk: whether their frames are taken, and when the core knows them.
 *
 * The partition host's thread. A frame is taken whole or not at all. Its messages are admitted by the core before it is taken, and appended
 * there when the disk has it. What makes room (`dropHead`) is a dead letter, or gone, with the pass.
 *
 * Bounds: those of the queue's policy; what one append takes.
 */
import {
  FRAME_ATTRIBUTES,
  FRAME_COUNT,
  FRAME_HAS_QUEUE_FIELDS,
  FRAME_HEADER_BYTES,
  type FrameMemory,
} from '../log/format/frame.ts'
import { HAS_QUEUE_FIELDS, RECORD_HEADER_BYTES } from '../log/format/record.ts'
import type { QueueGate } from '../partition/queue-keeping.ts'
import type { TakingQueue } from './kept-messages.ts'
import { messageBytes } from './message-index.ts'
import type { StoredFacts } from './stored-facts.ts'
import type { StoredSource } from './stored-source.ts'

/** Messages of one append, at most, where they may make room for others. */
const FRAMES_OF_APPEND = 4_096
/** A frame of several records has no more than this, and one record. */
const FRAME_BYTES = 16_384
const HEADERS_BYTES = 1_024

interface Admitted {
  readonly count: number
  readonly bytes: number
  readonly priorities: Uint8Array | null
}

export class StoredIntake implements QueueGate {
  readonly #queue: TakingQueue
  readonly #facts: StoredFacts
  readonly #source: StoredSource
  /** Frames taken and not committed. */
  #pending: Admitted[] = []
  #sizes: number[] = []
  /** Bytes appended since an end was written down. */
  #bytesSince = 0
  /** What there was when a frame found no room. */
  #fullMessages = 0
  #fullBytes = 0
  readonly #largestFrame: number

  constructor(queue: TakingQueue, facts: StoredFacts, source: StoredSource) {
    this.#queue = queue
    this.#facts = facts
    this.#source = source
    this.#largestFrame = FRAME_BYTES + messageBytes(queue.partition.topic.maxMessageBytes + HEADERS_BYTES)
  }

  /** What its core is made of may still be looked for in the log. */
  get isOpen(): boolean {
    return this.#queue.isOpen
  }

  /** The log has room for all that the core admits. */
  makeRoom(): true {
    return true
  }

  /** What was just taken may have to make room for what comes next, and must be ready for that: then each is appended by itself. */
  roomBytes(): number {
    const { core, policy } = this.#queue
    if (policy.onFull !== 'dropHead') return Number.POSITIVE_INFINITY
    const { messages, bytes } = core.figures
    return messages + FRAMES_OF_APPEND > policy.maxMessages ? 0 : policy.maxBytes - bytes - this.#largestFrame
  }

  admit(memory: FrameMemory, address: number): boolean {
    const { core, policy } = this.#queue
    const { i32 } = memory
    const count = i32[(address + FRAME_COUNT) >> 2] as number
    const mayHavePriorities =
      policy.priorities > 1 &&
      (((i32[(address + FRAME_ATTRIBUTES) >> 2] as number) >>> 16) & FRAME_HAS_QUEUE_FIELDS) !== 0
    const priorities = mayHavePriorities ? new Uint8Array(count) : null
    const sizes = this.#sizes
    sizes.length = count
    for (let message = 0, at = address + FRAME_HEADER_BYTES; message < count; message++) {
      const length = i32[at >> 2] as number
      sizes[message] = messageBytes(length)
      if (priorities !== null) priorities[message] = priorityAt(i32, at)
      at += (length + 7) & ~7
    }
    const { taken, takenBytes, dropped } = core.admit(sizes)
    const gone = taken < count || dropped.length === 0 ? 0 : this.#queue.drop(dropped)
    if (taken < count || gone < dropped.length) {
      if (taken < count) core.dropped(0)
      core.withdrawn(taken, takenBytes)
      return this.#isFull()
    }
    this.#pending.push({ count, bytes: takenBytes, priorities })
    return true
  }

  /** The frame that was admitted last is not taken. */
  withdraw(): void {
    const last = this.#pending.pop()
    if (last !== undefined) this.#queue.core.withdrawn(last.count, last.bytes)
  }

  committed(): void {
    const { core, upcalls } = this.#queue
    for (const { count, bytes, priorities } of this.#pending) {
      core.appended(count, bytes, priorities)
      this.#bytesSince += bytes
    }
    this.#pending = []
    this.#source.windowMoved()
    if (this.#facts.appended(core, this.#bytesSince)) this.#bytesSince = 0
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

function priorityAt(i32: Int32Array, record: number): number {
  if ((((i32[(record + 4) >> 2] as number) >>> 16) & HAS_QUEUE_FIELDS) === 0) return 0
  return (i32[(record + RECORD_HEADER_BYTES) >> 2] as number) & 0xff
}
