/**
 * What a queue's actor asks of its core at each step; only `openFrom` is a search, and a bounded one.
 *
 * The partition host's thread. Pure.
 */
import { hasRoomFor } from './admission.ts'
import type { QueueState } from './queue-state.ts'

/** Scheduled messages that one search passes. */
const LOOKS_MAX = 1_024

export class QueueFigures {
  readonly #state: QueueState

  constructor(state: QueueState) {
    this.#state = state
  }

  /** Everything below is settled. */
  get floor(): number {
    return this.#state.settled.floor
  }

  /** First offset that was not appended. */
  get end(): number {
    return this.#state.ready.end
  }

  /** Messages that are neither settled nor scheduled. */
  get messages(): number {
    return this.#state.messages
  }

  /** Their bytes. */
  get bytes(): number {
    return this.#state.bytes
  }

  /** Messages that could be handed out, but for suspects. */
  get ready(): number {
    return this.#state.ready.size
  }

  /** Whether so many messages, of so many bytes together, would all be admitted, with nothing gone for them. */
  hasRoomFor(messages: number, bytes: number): boolean {
    return hasRoomFor(this.#state, messages, bytes)
  }

  /** Messages that are scheduled. */
  get scheduled(): number {
    return this.#state.schedule.size
  }

  /** Their bytes. */
  get scheduledBytes(): number {
    return this.#state.schedule.bytes
  }

  /** Whether a message could be handed out, if a consumer had room for it. */
  get hasReady(): boolean {
    return this.#state.ready.first() !== -1 || this.#state.suspects.first !== undefined
  }

  /**
   * The first message from an offset on, and below another, that is neither settled nor scheduled; `below`: there is none. It may be the one
   * that was looked at last, after LOOKS_MAX of them.
   */
  openFrom(from: number, below: number): number {
    const { settled, schedule, ready, messages } = this.#state
    if (messages === 0 && ready.end >= below) return below
    let at = settled.next(from)
    for (let looks = 0; at < below && looks < LOOKS_MAX && schedule.has(at); looks++) at = settled.next(at + 1)
    return Math.min(at, below)
  }

  /** The highest priority of what is ready; -1: nothing is. */
  get readyPriority(): number {
    return this.#state.ready.priority
  }

  /** The consumer that alone has the queue; -1: there is none. */
  get active(): number {
    return this.#state.consumers.active?.number ?? -1
  }

  /** Dead letters that are to be written. */
  get lettersWaiting(): number {
    return this.#state.letters.waiting
  }

  /** Messages that a consumer has. */
  heldBy(consumer: number): number {
    return this.#state.consumers.of(consumer)?.claims.size ?? 0
  }
}
