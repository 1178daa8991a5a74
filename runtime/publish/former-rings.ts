/**
 * Rings that a writer had before the one that it has. The producer's thread. Bound: those through which something is on its way still.
 */
export class FormerRings {
  readonly #rings: number[] = []

  add(ring: number): void {
    this.#rings.push(ring)
  }

  /** Those before this one, or all; each is told once. `oldest`: through which the oldest frame went that has no receipt; null: there is none. */
  takeBefore(oldest: number | null): number[] {
    const at = oldest === null ? -1 : this.#rings.indexOf(oldest)
    return this.#rings.splice(0, at === -1 ? this.#rings.length : at)
  }
}
