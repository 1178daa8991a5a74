/**
 * How the ready messages of one priority are divided among a line of consumers that get them in runs.
 *
 * The partition host's thread. Pure. A round begins with the first run after something else has changed, and ends when each of the line
 * has had its share. So none of them gets more than one by one, and a run behind another is no shorter for it. Bound: a few numbers.
 */
export class Round {
  #share = 0
  /** How many of them have not had theirs. */
  #turns = 0
  #priority = -1
  #consumers = 0
  #left = 0

  /** The share of the next in a line of so many, of so many messages that are ready. */
  share(priority: number, consumers: number, ready: number): number {
    const goesOn =
      this.#turns > 0 && priority === this.#priority && consumers === this.#consumers && ready === this.#left
    if (goesOn) return this.#share
    this.#share = Math.ceil(ready / consumers)
    this.#turns = consumers
    this.#priority = priority
    return this.#share
  }

  /** It has had it: so many messages are left, and so many in the line. */
  taken(left: number, consumers: number): void {
    this.#turns--
    this.#left = left
    this.#consumers = consumers
  }
}
