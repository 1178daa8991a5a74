/**
 * What a partition that takes dead letters knows of them: which are open, how many wait, and pages of them.
 *
 * The partition host's thread. A letter is a frame of one record that was appended by that thread itself. It is open until
 * it is settled (replayed or purged), and waits as long as it is open and some group that reads the topic has not settled
 * it as it does any record. Letters are told by their offsets; where they are is the letter index's own matter: in the window
 * (memory-letter-index.ts), or in a log on disk (stored-letter-index.ts).
 */
import type { LetterCursor, LetterMark, LetterPage } from '../wire/letter-calls.ts'

export interface LetterIndex {
  /** Letters that wait. */
  readonly depth: number
  /** How much of its room letters take that may not go, 0 to 1; on disk, where nothing bounds them, 0. */
  readonly filled: number
  /** Those of this member. */
  depthOf(cursor: number): number
  /** Whether the depth has changed since this was last asked; in memory `countRead` is in this. */
  takeChanged(): boolean
  /**
   * A letter is about to be appended at this offset: whatever was known of the offset is of another one, long gone. False:
   * on disk, which has failed.
   */
  appending(offset: number): boolean
  /** It is appended, and this member's. */
  appended(cursor: number): void
  /** Letters that all groups which read the topic have settled wait no more. On disk it may read the log. */
  countRead(): void
  /**
   * Settles letters that were read from a page; those settled or gone before are left alone.
   *
   * @throws MillraceError MILL_DISK: on disk, and nothing is settled
   */
  settle(letters: readonly LetterMark[]): void
  /**
   * Open letters from a cursor on, whole frames in a private copy: whoever looks at letters pins nothing.
   *
   * @throws MillraceError MILL_DISK, MILL_CORRUPT
   */
  page(cursor: LetterCursor): LetterPage
}
