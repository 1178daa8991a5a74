/**
 * Where the records of a queue's messages are, for all that hands them on.
 *
 * Types only; the partition host's thread. In memory they are in the window (message-index.ts), on disk in the window or in the log
 * (stored-source.ts). Only a message that is not settled is asked for.
 */
import type { StoredRecord } from '../log/format/stored-record.ts'
import type { QueueLog } from '../queue/queue-words.ts'
import type { Offset } from '../words/quantities.ts'
import type { KnownRequests } from './record-request.ts'
import type { RecordRun } from './record-run.ts'

export interface MessageSource extends QueueLog {
  readonly requests: KnownRequests
  /** Whether it has times. */
  isTimed(offset: Offset): boolean
  /** Bytes of its record. */
  lengthOf(offset: Offset): number
  /** Base timestamp of its frame, to which its record's is relative. */
  timestampOf(offset: Offset): number
  /** Copies so many bytes of its record, from `from` on, to an address of the broker's memory. */
  copy(offset: Offset, from: number, bytes: number, address: number): void
  /** What `runEnd` looked at last. */
  readonly run: RecordRun
  /** Up to which of the messages at `from` to below `end` of these one run goes (record-run.ts). */
  runEnd(offsets: Float64Array, from: number, end: number): number
  /** Copies the records of that run to an address of the broker's memory, one behind the other, each padded to 8 bytes, as of one frame. */
  copyRun(address: number): void
  /** All of its record, in bytes of its own; null: it is not there. */
  record(offset: Offset): StoredRecord | null
}
