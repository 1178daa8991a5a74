/**
 * How one partition keeps what is appended to it: in the memory of its window only, or in a log on disk as well.
 *
 * The partition host's thread. Chosen once, when the partition is made; called for each frame and each append, never for a record.
 * Order of the calls: `take` for each frame of a batch; then `entry`. What that returns is written, by the host's group commit or
 * by `write`, or fails and is forgotten. Then the end is committed (`committed`), and the batch answered (`answered`).
 * What may be asked of the records themselves is kept-records.ts.
 *
 * To keep records in another way, implement this and KeptRecords, and let keeping-contract.fixture.ts judge it.
 */

import type { LetterIndex } from '../dead-letters/letter-index.ts'
import type { FrameMemory } from '../log/format/frame.ts'
import type { StoreEntry } from '../log/store/log-store-types.ts'
import type { Offset } from '../words/quantities.ts'
import type { KeptRecords } from './kept-records.ts'
import type { PendingAppend } from './pending-append.ts'

export interface Keeping {
  readonly records: KeptRecords
  /** Whether another process finds them. */
  readonly isOnDisk: boolean
  /** Bytes after which an append takes no further frame. */
  readonly appendBytes: number
  /** Code that every batch is answered with since writing has failed; null: it has not. */
  readonly failure: number | null
  /** What becomes of a frame that finds no room: it waits until there is some, or it is soon tried again. */
  readonly whenFull: 'full' | 'later'
  /** Whether frames can be taken or refused at all; until then they wait in their rings, and somebody says when that is over. */
  readonly isReady: boolean
  /** Places the frame at this address of the batch behind what is pending; false: there is no room now, and nothing has changed. */
  take(pending: PendingAppend, address: number, length: number): boolean
  /** The frame that was taken last is not appended; the window goes back by itself. */
  withdraw(): void
  /** Offset of the message that is there already under the id of this frame's; -1, or left out: there is none. */
  duplicateOf?(memory: FrameMemory, address: number): Offset
  /** So many frames were answered with that, once and for all. */
  knewAlready?(count: number): void
  /** Whether `take` may find room now where it found none; said until it is tried again, however often it is asked. */
  mayHaveRoom(): boolean
  /** What is to be on disk before this is committed; null: nothing is. */
  entry(pending: PendingAppend): StoreEntry | null
  /** Writes that at once, by itself; false: it failed, or did before. */
  write(entry: StoreEntry): boolean
  /** Readers may see what lies before this offset. */
  committed(endOffset: Offset): void
  /** An append of so many bytes is over, and nobody is owed an answer for it. */
  answered(bytes: number): void
  /**
   * From now on dead letters are among the records; `address` is where it is kept in memory which are settled.
   *
   * @throws MillraceError MILL_DISK, MILL_CORRUPT
   */
  takeLetters(address: number): LetterIndex
}
