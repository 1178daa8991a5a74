/**
 * Goes through the log of a queue for what waits in it: its offsets by priority, the bytes that nothing else says, and
 * whether it has times. In slices.
 *
 * The partition host's thread, before the core of the queue is made, and so before anything is taken or handed out: what is settled stays as
 * it is meanwhile. From the first message that is not settled on, each record is looked at once, in the order of the log. A frame without
 * priorities is taken as a whole.
 *
 * Bound: SLICE_BYTES of the log in a step, or one frame. A bit for each message, which the core takes over.
 */
import { OffsetSet } from '../base/offset-set.ts'
import { PagePool } from '../base/page-pool.ts'
import {
  FRAME_BASE_OFFSET,
  FRAME_COUNT,
  FRAME_HAS_QUEUE_FIELDS,
  FRAME_HEADER_BYTES,
  FRAME_LAST_OFFSET_DELTA,
  joinOffset,
} from '../log/format/frame.ts'
import { expiresAtAt, notBeforeAt } from '../log/format/queue-fields.ts'
import { HAS_QUEUE_FIELDS, RECORD_HEADER_BYTES } from '../log/format/record.ts'
import type { LogReader } from '../log/read/log-reader.ts'
import type { SettledState } from '../log/store/settled-state.ts'
import type { GatheredMessages } from '../queue/ready-index.ts'
import type { Offset } from '../words/quantities.ts'
import { messageBytes } from './message-bytes.ts'

/** As much as the caches of a core hold: what is checked is looked at next. */
const SLICE_BYTES = 262_144

export class WaitingScan {
  readonly gathered: GatheredMessages
  readonly #sets: readonly OffsetSet[]
  readonly #open: (scratch: Buffer) => LogReader
  #reader: LogReader | null = null
  readonly #sliceBytes: number
  readonly #from: Offset
  readonly #bytesFrom: Offset
  /** What is settled above that, of which the range at `#range` is the first that does not lie behind. */
  readonly #settled: readonly (readonly [number, number])[]
  #range = 0
  /** Everything below was looked at. */
  end: Offset
  /** Bytes of what waits from the end that is written down on. */
  bytes = 0
  /** Whether any of these has times. */
  isTimed = false

  constructor(
    open: (scratch: Buffer) => LogReader,
    priorities: number,
    state: Pick<SettledState, 'floor' | 'settled' | 'known'>,
    sliceBytes: number = SLICE_BYTES,
  ) {
    const pool = new PagePool()
    this.#sets = Array.from({ length: priorities }, () => new OffsetSet(pool))
    this.gathered = { pool, byPriority: this.#sets }
    this.#open = open
    this.#sliceBytes = sliceBytes
    this.#from = state.floor
    this.#bytesFrom = Math.max(state.floor, state.known?.end ?? 0)
    this.#settled = state.settled.ranges()
    this.end = state.floor
  }

  /** One slice of what lies below `endOffset`. @throws LogFileError, DiskError */
  step(endOffset: Offset): void {
    this.#reader ??= this.#open(Buffer.allocUnsafeSlow(this.#sliceBytes))
    const bytes = this.#reader.read(this.end, endOffset, this.#sliceBytes)
    if (bytes.length === 0) throw new Error(`broken invariant: message ${this.end} of a queue is not in its log`)
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
    for (let at = 0; at < words.length; at += (words[at] as number) >> 2) this.#frame(words, at)
  }

  /** Gives back what it has open. */
  close(): void {
    this.#reader?.close()
    this.#reader = null
  }

  /** The frame at this word. */
  #frame(words: Int32Array, at: number): void {
    const base = joinOffset(
      words[at + (FRAME_BASE_OFFSET >> 2)] as number,
      words[at + (FRAME_BASE_OFFSET >> 2) + 1] as number,
    )
    const end = base + ((words[at + (FRAME_LAST_OFFSET_DELTA >> 2)] as number) >>> 0) + 1
    const count = words[at + (FRAME_COUNT >> 2)] as number
    this.#passTo(base)
    if (count > 0) {
      const hasPriorities = (((words[at + 1] as number) >>> 16) & FRAME_HAS_QUEUE_FIELDS) !== 0
      const isWhole = count === end - base && base >= this.#from && end <= this.#bytesFrom && this.#settledFrom >= end
      if (isWhole && !hasPriorities) (this.#sets[0] as OffsetSet).addRange(base, end)
      else this.#records(words, at, base)
    }
    this.end = end
  }

  #records(words: Int32Array, frame: number, base: Offset): void {
    const end = frame + ((words[frame] as number) >> 2)
    for (let at = frame + (FRAME_HEADER_BYTES >> 2); at < end; ) {
      const length = words[at] as number
      const word = words[at + 1] as number
      const offset = base + (word & 0xffff)
      if (offset >= this.#from && !this.#isSettled(offset)) {
        const hasFields = ((word >>> 16) & HAS_QUEUE_FIELDS) !== 0
        const fields = hasFields ? (words[at + (RECORD_HEADER_BYTES >> 2)] as number) : 0
        ;(this.#sets[fields & 0xff] as OffsetSet).add(offset)
        if (offset >= this.#bytesFrom) {
          this.bytes += messageBytes(length)
          if (notBeforeAt(fields) !== 0 || expiresAtAt(fields) !== 0) this.isTimed = true
        }
      }
      at += ((length + 7) & ~7) >> 2
    }
  }

  #isSettled(offset: Offset): boolean {
    if (offset < this.#settledFrom) return false
    this.#passTo(offset)
    return offset >= this.#settledFrom
  }

  /** Where the next range of settled ones begins, or the one under way. */
  get #settledFrom(): Offset {
    return this.#settled[this.#range]?.[0] ?? Number.POSITIVE_INFINITY
  }

  /** What lies behind this offset comes no more. */
  #passTo(offset: Offset): void {
    while ((this.#settled[this.#range]?.[1] ?? Number.POSITIVE_INFINITY) <= offset) this.#range++
  }
}
