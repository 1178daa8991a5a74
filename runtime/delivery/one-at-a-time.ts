/**
 * Lets suspects through alone, one after the other as they were expected, and everyone else after them.
 *
 * The handling thread. Its predecessor died while several promises were pending, so that none could be charged, or of a
 * record that is tried again: what ends this thread, too, is then the only one pending, and is known. A suspect stays the
 * next one until the record that was pending has come: others before it may come again. One whose time has not come steps
 * aside meanwhile, and finds others pending when it comes back: it waits for those, as long as its executor lets it, and
 * nobody else goes in. Bound: the partitions of the thread.
 */
export class OneAtATime {
  readonly #suspects = new Set<number>()
  /** Whose promise is pending. */
  readonly #inside = new Set<number>()

  expect(cursors: readonly number[]): void {
    for (const cursor of cursors) this.#suspects.add(cursor)
  }

  /** Whether it stands open for all. */
  get open(): boolean {
    return this.#suspects.size === 0
  }

  admits(cursor: number): boolean {
    const [first] = this.#suspects
    if (first === undefined) return true
    return first === cursor && this.#isAlone(cursor)
  }

  #isAlone(cursor: number): boolean {
    return this.#inside.size === 0 || (this.#inside.size === 1 && this.#inside.has(cursor))
  }

  enter(cursor: number): void {
    this.#inside.add(cursor)
  }

  /** It has had its turn, or steps aside; with `comesBack` it is the next one again. Whether somebody may have waited for that. */
  leave(cursor: number, comesBack = false): boolean {
    const waited = !this.open
    if (!comesBack) this.#suspects.delete(cursor)
    this.#inside.delete(cursor)
    return waited
  }
}
