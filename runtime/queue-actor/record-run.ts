/**
 * Where the records of a run are, that go to one consumer together, in a window or in bytes that were read.
 *
 * A record says its offset and its time by what they are more than those of its frame. A run has one frame to its consumer, the first
 * one. So records of later frames are mended where they were copied to (`mend`), and those that cannot say it go in another run (`fits`).
 *
 * Leaf, the partition host's thread. Bound: RUN_MAX records.
 */
import { OFFSET_DELTA_MAX, RECORD_OFFSET_DELTA, RECORD_TIMESTAMP_DELTA } from '../log/format/record.ts'
import { RUN_MAX } from '../queue/runs.ts'
import type { Offset } from '../words/quantities.ts'

export class RecordRun {
  /** Offset of the first record of the first frame, and its timestamp. */
  base: Offset = 0
  timestamp = 0
  /** Their bytes, each padded to 8. */
  bytes = 0
  #count = 0
  readonly #records: Int32Array = new Int32Array(RUN_MAX)
  readonly #lengths: Int32Array = new Int32Array(RUN_MAX)
  /** What the frame of each has more than the first one: of the offset, and of the timestamp. */
  readonly #offsets: Int32Array = new Int32Array(RUN_MAX)
  readonly #times: Int32Array = new Int32Array(RUN_MAX)
  /** The same of those that are added next. */
  #offset = 0
  #time = 0
  /** So many at the beginning are of the first frame, and so many bytes. */
  #plain = 0
  #plainBytes = 0

  begin(base: Offset, timestamp: number): void {
    this.base = base
    this.timestamp = timestamp
    this.bytes = 0
    this.#count = 0
    this.#plain = 0
    this.#plainBytes = 0
    this.#offset = 0
    this.#time = 0
  }

  /** A record is at this place, with so many bytes, padded. */
  add(record: number, length: number): void {
    const at = this.#count++
    this.#records[at] = record
    this.#lengths[at] = length
    this.#offsets[at] = this.#offset
    this.#times[at] = this.#time
    this.bytes += length
    if (this.#plain < at || this.#offset !== 0 || this.#time !== 0) return
    this.#plain = this.#count
    this.#plainBytes = this.bytes
  }

  /** What is added next is of another frame. */
  enter(base: Offset, timestamp: number): void {
    this.#offset = base - this.base
    this.#time = timestamp - this.timestamp
  }

  /** Whether this record of the frame that was entered, which may be an earlier one, can be mended: its offset, and its timestamp as it says it. */
  fits(offset: Offset, timestampDelta: number): boolean {
    const time = this.#time + timestampDelta
    return offset >= this.base && offset - this.base <= OFFSET_DELTA_MAX && time === (time | 0)
  }

  /** Hands over what lies one behind the other as one piece, and where that is to go. */
  copy(target: number, piece: (from: number, bytes: number, target: number) => void): void {
    const records = this.#records
    const lengths = this.#lengths
    let to = target
    for (let at = 0; at < this.#count; ) {
      const start = records[at] as number
      let length = 0
      do length += lengths[at++] as number
      while (at < this.#count && records[at] === ((start + length) | 0))
      piece(start, length, to)
      to += length
    }
  }

  /** Makes all of them records of the first frame, which were copied to these words. */
  mend(target: number, words: Int32Array): void {
    for (let at = this.#plain, to = target + this.#plainBytes; at < this.#count; at++) {
      words[(to + RECORD_OFFSET_DELTA) >> 2]! += this.#offsets[at] as number
      words[(to + RECORD_TIMESTAMP_DELTA) >> 2]! += this.#times[at] as number
      to += this.#lengths[at] as number
    }
  }
}
