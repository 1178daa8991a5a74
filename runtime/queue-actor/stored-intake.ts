/**
 * The way of messages into a queue on disk: whether their frames are taken, and when the core knows them.
 *
 * The partition host's thread. A frame is taken whole or not at all. Its messages are admitted by the core before it is taken, and appended
 * there when the disk has it. What makes room (`dropHead`) is a dead letter, or gone, with the pass.
 *
 * Bounds: those of the queue's policy; what one append takes.
 */
import type { Instant } from '../base/clock.ts'
import { instant } from '../base/instant.ts'
import {
  FRAME_ATTRIBUTES,
  FRAME_BASE_TIMESTAMP,
  FRAME_COUNT,
  FRAME_HAS_QUEUE_FIELDS,
  FRAME_HEADER_BYTES,
  type FrameMemory,
} from '../log/format/frame.ts'
import { areOfRequest, expiresAtAt, notBeforeAt } from '../log/format/queue-fields.ts'
import { HAS_QUEUE_FIELDS, RECORD_HEADER_BYTES, RECORD_TIMESTAMP_DELTA } from '../log/format/record.ts'
import type { SettledNumber } from '../log/format/settled-change.ts'
import type { QueueGate } from '../partition/queue-keeping.ts'
import type { AppendedFields } from '../queue/queue-words.ts'
import type { Offset } from '../words/quantities.ts'
import { IntakePace } from './intake-pace.ts'
import type { TakingQueue } from './kept-messages.ts'
import { messageBytes } from './message-bytes.ts'
import { FieldsOfFrame } from './message-fields.ts'
import type { StoredFacts } from './stored-facts.ts'
import { numberAt, type StoredNumbers } from './stored-numbers.ts'
import type { StoredSource } from './stored-source.ts'

/** Messages of one append, at most, where they may make room for others. */
const FRAMES_OF_APPEND = 4_096
/** A frame of several records has no more than this, and one record. */
const FRAME_BYTES = 16_384
const HEADERS_BYTES = 1_024

interface Admitted {
  readonly count: number
  readonly bytes: number
  /** Those that have room kept for them. */
  readonly counted: number
  readonly countedBytes: number
  readonly fields: AppendedFields | null
  /** An offset behind them, if any has times; else 0. */
  readonly timedTo: Offset
  /** Of a producer with numbers. */
  readonly number: SettledNumber | null
}

/** A frame with fields that is looked at. */
interface TakenFrame {
  readonly fields: FieldsOfFrame
  readonly offset: Offset
  /** Its base timestamp. */
  readonly sentMs: number
  readonly at: Instant
}

export class StoredIntake implements QueueGate {
  readonly #queue: TakingQueue
  readonly #facts: StoredFacts
  readonly #source: StoredSource
  readonly #numbers: StoredNumbers
  /** Frames taken and not committed. */
  #pending: Admitted[] = []
  #sizes: number[] = []
  /** Bytes appended since an end was written down. */
  #bytesSince = 0
  /** What there was when a frame found no room. */
  #fullMessages = 0
  #fullBytes = 0
  readonly #largestFrame: number
  readonly #pace: IntakePace = new IntakePace()

  constructor(queue: TakingQueue, facts: StoredFacts, source: StoredSource, numbers: StoredNumbers) {
    this.#queue = queue
    this.#facts = facts
    this.#source = source
    this.#numbers = numbers
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
    const { core, policy, partition } = this.#queue
    if (policy.onFull !== 'dropHead') return this.#pace.roomBytes(core.figures, partition.window.capacity)
    const { messages, bytes } = core.figures
    return messages + FRAMES_OF_APPEND > policy.maxMessages ? 0 : policy.maxBytes - bytes - this.#largestFrame
  }

  admit(memory: FrameMemory, address: number, offset: Offset): boolean {
    const { core } = this.#queue
    const { i32 } = memory
    const count = i32[(address + FRAME_COUNT) >> 2] as number
    const hasFields = (((i32[(address + FRAME_ATTRIBUTES) >> 2] as number) >>> 16) & FRAME_HAS_QUEUE_FIELDS) !== 0
    const fields = hasFields ? new FieldsOfFrame(count) : null
    const sentMs = memory.f64[(address + FRAME_BASE_TIMESTAMP) >> 3] as number
    const frame = fields === null ? null : { fields, offset, sentMs, at: instant() }
    if (frame !== null) this.#source.times.taken(offset, frame.at)
    const sizes = this.#sizes
    sizes.length = count
    for (let message = 0, at = address + FRAME_HEADER_BYTES; message < count; message++) {
      const length = i32[at >> 2] as number
      sizes[message] = messageBytes(length)
      if (frame !== null) this.#read(memory, at, frame, message)
      at += (length + 7) & ~7
    }
    const { taken, takenBytes, counted, countedBytes, dropped } = core.admit(sizes, fields?.dueMs ?? null)
    const gone = taken < count || dropped.length === 0 ? 0 : this.#queue.drop(dropped)
    if (taken < count || gone < dropped.length) {
      if (taken < count) core.dropped(0)
      core.withdrawn(counted, countedBytes)
      return this.#isFull()
    }
    const timedTo = fields?.isTimed === true ? offset + count : 0
    const number = numberAt(memory, address, offset + count)
    this.#pending.push({ count, bytes: takenBytes, counted, countedBytes, fields, timedTo, number })
    return true
  }

  /** The frame that was admitted last is not taken. */
  withdraw(): void {
    const last = this.#pending.pop()
    if (last !== undefined) this.#queue.core.withdrawn(last.counted, last.countedBytes)
  }

  committed(): void {
    const { core, upcalls } = this.#queue
    const { messages } = core.figures
    for (const { count, bytes, fields, timedTo, number } of this.#pending) {
      core.appended(count, bytes, fields)
      if (timedTo > 0) this.#facts.timed(timedTo)
      if (number !== null) this.#numbers.note(number)
      this.#bytesSince += bytes
    }
    this.#pending = []
    this.#pace.appended(messages, core.figures.messages)
    this.#source.windowMoved()
    if (this.#facts.appended(core, this.#bytesSince)) this.#bytesSince = 0
    upcalls.woken()
  }

  /** Notes what the record at this address has beside key, headers and value. */
  #read({ i32, f64 }: FrameMemory, record: number, frame: TakenFrame, message: number): void {
    if ((((i32[(record + 4) >> 2] as number) >>> 16) & HAS_QUEUE_FIELDS) === 0) return
    const at = record + RECORD_HEADER_BYTES
    const word = i32[at >> 2] as number
    const sentMs = frame.sentMs + (i32[(record + RECORD_TIMESTAMP_DELTA) >> 2] as number)
    const { times } = this.#source
    const timeAt = (part: number): number =>
      part === 0 ? 0 : times.takenMs(frame.offset + message, f64[(at + part) >> 3] as number, sentMs, frame.at)
    if (areOfRequest(word)) this.#source.requests.any = true
    const priority = this.#queue.policy.priorities > 1 ? word & 0xff : 0
    frame.fields.set(message, priority, timeAt(notBeforeAt(word)), timeAt(expiresAtAt(word)))
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
