/**
 * Entries by their keys, of which those of one kind are found without a look at the others: the kind is the key up to its first `/`, with it.
 *
 * One thread. Pure. A log that has few kinds asks for that; otherwise all entries are of one. Within a kind entries are in the order in which
 * their keys came. Bound: the entries, and a map for each kind.
 */
export class EntriesByKind<E> {
  readonly #kinds = new Map<string, Map<string, E>>()
  readonly #isSorted: boolean
  #size = 0

  /** `isSorted`: whether kinds are told apart. */
  constructor(isSorted: boolean) {
    this.#isSorted = isSorted
  }

  get size(): number {
    return this.#size
  }

  get(key: string): E | undefined {
    return this.#kinds.get(this.#kindOf(key))?.get(key)
  }

  has(key: string): boolean {
    return this.#kinds.get(this.#kindOf(key))?.has(key) === true
  }

  set(key: string, entry: E): void {
    const kind = this.#kindOf(key)
    const entries = this.#kinds.get(kind) ?? new Map<string, E>()
    this.#size -= entries.size
    this.#kinds.set(kind, entries.set(key, entry))
    this.#size += entries.size
  }

  delete(key: string): void {
    if (this.#kinds.get(this.#kindOf(key))?.delete(key) === true) this.#size--
  }

  *values(): Generator<E, void, void> {
    for (const entries of this.#kinds.values()) yield* entries.values()
  }

  /** Of all kinds, or of one. */
  *entries(kind?: string): Generator<readonly [key: string, entry: E], void, void> {
    const kinds = kind === undefined ? this.#kinds.values() : [this.#kinds.get(kind) ?? new Map<string, E>()]
    for (const entries of kinds) yield* entries
  }

  #kindOf(key: string): string {
    return this.#isSorted ? key.slice(0, key.indexOf('/') + 1) : ''
  }
}
