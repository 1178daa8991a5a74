/**
 * Where the records of a run are, that go to one consumer together: all of one frame, in a window or in bytes that were read.
 *
 * Leaf, the partition host's thread. Bound: RUN_MAX records.
 */
import { RUN_MAX } from '../queue/runs.ts'
import type { Offset } from '../words/quantities.ts'

export class RecordRun {
  /** Offset of the first record of their frame, and its timestamp. */
  base: Offset = 0
  timestamp = 0
  /** Their bytes, each padded to 8. */
  bytes = 0
  #count = 0
  readonly #records: Int32Array = new Int32Array(RUN_MAX)
  readonly #lengths: Int32Array = new Int32Array(RUN_MAX)

  begin(base: Offset, timestamp: number): void {
    this.base = base
    this.timestamp = timestamp
    this.bytes = 0
    this.#count = 0
  }

  /** A record is at this place, with so many bytes, padded. */
  add(record: number, length: number): void {
    this.#records[this.#count] = record
    this.#lengths[this.#count++] = length
    this.bytes += length
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
}
