/** The cursor of a handler with `records`. Types only. */
import type { Delivery } from './delivery.ts'

/**
 * A delivery that moves over the records of one call, without an object for each. Its fields are those of the record it stands on.
 *
 * It ends with the call: after that `next` and every field throw `MILL_SETTLED`.
 *
 * @throws MillraceError as `Delivery`; `MILL_HANDLER` when a field of a record is read before the first `next`
 */
export interface RecordCursor<V = unknown> extends Delivery<V> {
  /**
   * Moves to the next record, which acks the one before. False: there is none in this call, and the handler is to return; the last
   * record is acked when it has.
   */
  next(): boolean
  /**
   * Bytes of all records of this call, for as long as it lasts: behind it they are taken back, and their length is 0. It is a copy:
   * it may be changed. Copy what is to be kept, as in `Buffer.from(bytes.subarray(valueStart, valueEnd))`, or take `value`. Values that were
   * published as bytes begin at multiples of 8.
   */
  readonly bytes: Buffer
  /** Where the key begins in `bytes`; -1: no key. */
  readonly keyStart: number
  /** Where the key ends in `bytes`; -1: no key. */
  readonly keyEnd: number
  /** Where the value begins in `bytes`, as stored, before the codec; -1: a tombstone. */
  readonly valueStart: number
  /** Where the value ends in `bytes`; -1: a tombstone. */
  readonly valueEnd: number
}
