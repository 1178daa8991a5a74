/**
 * Tells producers how much of a partition is unread, so that messages without a key go where least is.
 *
 * The partition host's thread alone writes the word (layout.ts). It is a hint: told at each append and, while it is not 0,
 * looked at again once in a while, because readers settle what they read without telling.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import { PARTITION_UNREAD } from '../wire/layout.ts'

/** More is not told: sums of it stay small integers. */
const UNREAD_MAX = 2 ** 29

/** Groups of a partition, by member: how far each has read, and which of them have a reader. */
export interface ReadBy {
  readonly groups: ReadonlyMap<number, { committed(): number }>
  readonly readers: ReadonlyMap<number, unknown>
}

export class UnreadWord {
  readonly #words: Int32Array
  readonly #at: number
  readonly #readBy: ReadBy

  constructor(memory: Memory, words: number, readBy: ReadBy) {
    this.#words = memory.i32
    this.#at = (words + PARTITION_UNREAD) >> 2
    this.#readBy = readBy
  }

  /** By the slowest of the groups that read now: of who does not read, all partitions have as much. */
  tell(endOffset: number): void {
    let unread = 0
    for (const cursor of this.#readBy.readers.keys()) {
      const group = this.#readBy.groups.get(cursor)
      if (group !== undefined) unread = Math.max(unread, endOffset - group.committed())
    }
    this.#words[this.#at] = Math.min(unread, UNREAD_MAX)
  }

  /** Tells it again if readers may have settled some of it; whether any is unread. */
  refresh(endOffset: number): boolean {
    if (this.#words[this.#at] === 0) return false
    this.tell(endOffset)
    return this.#words[this.#at] !== 0
  }
}
