/** How many letters of one partition wait, in all and by member. The partition host's thread. Bound: one entry a member. */
import type { CursorId } from '../words/quantities.ts'

export class WaitingLetters {
  readonly #byMember = new Map<number, number>()
  #depth = 0
  /** Nobody has looked yet. */
  #changed = true

  get depth(): number {
    return this.#depth
  }

  of(cursor: CursorId): number {
    return this.#byMember.get(cursor) ?? 0
  }

  count(cursor: CursorId, change: 1 | -1): void {
    this.#changed = true
    this.#depth += change
    const waiting = this.of(cursor) + change
    if (waiting === 0) this.#byMember.delete(cursor)
    else this.#byMember.set(cursor, waiting)
  }

  /** None waits. */
  clear(): void {
    if (this.#depth !== 0) this.#changed = true
    this.#depth = 0
    this.#byMember.clear()
  }

  /** Whether the depth has changed since this was last asked. */
  takeChanged(): boolean {
    const changed = this.#changed
    this.#changed = false
    return changed
  }
}
