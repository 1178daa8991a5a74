/**
 * What is known of the ids of a queue whose processes are killed: one message for each, at one place, and what of it was taken back. Pure.
 *
 * The parent. A message without an id of its own has a name from the queue, to which the same applies. Of what no receipt tells, a loss of power
 * may leave nothing, and another message may get its id.
 * Bound: a few words for each message.
 */
export class KilledIds {
  readonly #say: (problem: string) => void
  readonly #places = new Map<string, number>()
  readonly #keys = new Map<string, string>()
  readonly #receipts = new Set<string>()
  readonly #refused = new Set<string>()
  readonly #asked = new Set<string>()
  readonly #taken = new Map<string, number>()

  constructor(say: (problem: string) => void) {
    this.#say = say
  }

  /** Messages that were not taken, because the queue had their id. */
  get refused(): number {
    return this.#refused.size
  }

  /** Ids that `cancel` was called with, and those of them that it took back. */
  get cancels(): { readonly asked: number; readonly taken: number } {
    return { asked: this.#asked.size, taken: this.#taken.size }
  }

  /** Ids that the queue has said to have, by receipts. */
  get receipts(): ReadonlySet<string> {
    return this.#receipts
  }

  keyOf(id: string): string | undefined {
    return this.#keys.get(id)
  }

  isAsked(id: string): boolean {
    return this.#asked.has(id)
  }

  /** A receipt for another message than the queue has of this id. */
  refuse(key: string, id: string, offset: number): void {
    this.#refused.add(key)
    this.#place(id, offset)
    this.#receipts.add(id)
    if (this.#keys.get(id) === key) this.#say(`${key} was refused as a duplicate of itself`)
  }

  /** A receipt for the message that the queue has of this id. */
  receipt(key: string, id: string, offset: number): void {
    this.see(key, id, offset)
    this.#receipts.add(id)
  }

  /** The message of this id is that one. */
  see(key: string, id: string, offset: number): void {
    if (this.#refused.has(key)) this.#say(`${key} is there, and was refused as a duplicate`)
    const other = this.#keys.get(id)
    if (other !== undefined && other !== key && this.#receipts.has(id)) this.#say(`${id} is ${key}, and is ${other}`)
    this.#place(id, offset)
    this.#keys.set(id, key)
  }

  begin(life: number, key: string, id: string): void {
    const taken = this.#taken.get(id)
    if (taken !== undefined) this.#say(`${key} was begun in life ${life}, and taken back in life ${taken}`)
  }

  askBack(id: string): void {
    this.#asked.add(id)
  }

  takeBack(life: number, id: string): void {
    const before = this.#taken.get(id)
    if (before !== undefined) this.#say(`${id} was taken back in life ${life}, and in life ${before}`)
    this.#taken.set(id, life)
  }

  isTaken(id: string): boolean {
    return this.#taken.has(id)
  }

  #place(id: string, offset: number): void {
    const before = this.#places.get(id)
    if (before !== undefined && before !== offset && this.#receipts.has(id))
      this.#say(`${id} is at ${offset}, and was at ${before}`)
    this.#places.set(id, offset)
  }
}
