/**
 * A bounded first-in, first-out mailbox: the commands to an actor between two turns of its loop.
 *
 * One thread. Bound: `capacity` messages; a full mailbox refuses and the sender keeps the message.
 * Invariant: a slot that was taken holds no reference.
 */

/** Messages to one actor, in order, at most `capacity` of them. */
export class Mailbox<T extends NonNullable<unknown>> {
  readonly capacity: number
  readonly #slots: (T | undefined)[] = []
  #head = 0
  #size = 0

  /** @throws RangeError when `capacity` is not a positive integer. */
  constructor(capacity: number) {
    if (!Number.isSafeInteger(capacity) || capacity < 1)
      throw new RangeError(`mailbox capacity must be a positive integer, not ${capacity}`)
    this.capacity = capacity
  }

  get size(): number {
    return this.#size
  }

  /** Puts `message` last; false when the mailbox is full. */
  offer(message: T): boolean {
    if (this.#size === this.capacity) return false
    this.#slots[(this.#head + this.#size) % this.capacity] = message
    this.#size += 1
    return true
  }

  /** Takes the first message; undefined when there is none. */
  take(): T | undefined {
    if (this.#size === 0) return undefined
    const message = this.#slots[this.#head]
    this.#slots[this.#head] = undefined
    this.#head = (this.#head + 1) % this.capacity
    this.#size -= 1
    return message
  }
}
