/**
 * Where one partition ends: the next offset, what each commit says of it to a successor, and what producers are told.
 *
 * The partition host's thread. The commit of the window is the atomic point of an append: with it the end, the next offset, and how
 * far the ring was taken that the records came by are there together, or none of it is.
 */
import type { WindowWriter } from 'sharedarraybuffer-ring'
import { FAULT_POINT } from '../wire/layout.ts'
import type { LastCommit } from './last-commit.ts'
import type { PendingAppend } from './pending-append.ts'
import type { UnreadWord } from './unread-word.ts'

export class PartitionEnd {
  readonly last: LastCommit
  /** The next offset to append; also the high watermark, because what is committed is readable at once. */
  offset: number
  readonly #window: WindowWriter
  readonly #unread: UnreadWord
  readonly #fault: (point: number) => void

  constructor(last: LastCommit, window: WindowWriter, unread: UnreadWord, fault: (point: number) => void) {
    this.last = last
    this.offset = last.endOffset
    this.#window = window
    this.#unread = unread
    this.#fault = fault
  }

  /** Commits what is pending. */
  commit({ batch, endOffset, from, parts, baseOffset }: PendingAppend): void {
    this.offset = endOffset
    this.#commit(batch.id, batch.head, from, parts === null ? null : baseOffset)
  }

  /** The partition begins here, empty, in a window that is new. */
  begin(offset: number): void {
    this.offset = offset
    this.last.markOpened()
    this.#commit(0, 0, this.#window.end, null)
  }

  #commit(ring: number, ringEnd: number, lastAppend: number, besideFrom: number | null): void {
    this.last.set(this.offset, ring, ringEnd, lastAppend, besideFrom)
    this.#fault(FAULT_POINT.beforeCommit)
    this.#window.commit()
    this.#unread.tell(this.offset)
    this.#fault(FAULT_POINT.betweenWindowAndRing)
  }
}
