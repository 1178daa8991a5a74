/**
 * Lets suspects through alone, one after the other, and everyone else after them.
 *
 * The handling thread. Its predecessor died while several promises were pending, so that none could be charged: one
 * that ends this thread, too, is then the only one pending, and is known. Bound: the partitions of the thread.
 */
export class Turnstile {
  readonly #suspects = new Set<number>()
  /** The suspect whose promise is pending; 0: none. */
  #inside = 0

  expect(members: readonly number[]): void {
    for (const member of members) this.#suspects.add(member)
  }

  /** Whether it stands open for all. */
  get open(): boolean {
    return this.#suspects.size === 0
  }

  admits(member: number): boolean {
    return this.open || (this.#inside === 0 ? this.#suspects.has(member) : this.#inside === member)
  }

  enter(member: number): void {
    if (!this.open) this.#inside = member
  }

  /** It has had its turn, or has nothing to do. */
  leave(member: number): void {
    this.#suspects.delete(member)
    if (this.#inside === member) this.#inside = 0
  }
}
