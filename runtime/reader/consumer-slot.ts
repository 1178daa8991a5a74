/**
 * The words of a queue's consumer (layout.ts) as it writes them: what it asks for, and what it has in hand.
 *
 * The consumer's thread, which alone writes them for as long as its epoch counts.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import { QUEUE_SLOT_BACKLOG, QUEUE_SLOT_HANDLES, QUEUE_SLOT_PREFETCH, QUEUE_SLOT_STACK } from '../wire/layout.ts'
import { ReaderSlot } from './reader-slot.ts'

export class ConsumerSlot {
  readonly #memory: Memory
  readonly #slot: number
  /** The words that a consumer has in common with a reader. */
  readonly #common: ReaderSlot

  /** `thread`: address of the thread's words. */
  constructor(memory: Memory, slot: number, thread: number) {
    this.#memory = memory
    this.#slot = slot
    this.#common = new ReaderSlot(memory, slot, thread)
  }

  /** Tag of the message on the stack, or of the only one pending; 0: neither. Its thread's death is charged to it. */
  charge(tag: number): void {
    this.#memory.i32[(this.#slot + QUEUE_SLOT_STACK) >> 2] = tag
  }

  /** Whether the queue has messages or senders that wait for what it ends. */
  get hasBacklog(): boolean {
    return this.#memory.load(this.#slot + QUEUE_SLOT_BACKLOG) === 1
  }

  /** Whether the queue has other consumers, which may have in advance what this one could begin. */
  get isShared(): boolean {
    return this.#memory.load(this.#slot + QUEUE_SLOT_BACKLOG) === 2
  }

  /** Deliveries that it handles at a time: while it has more than those, others can wait. */
  handles(deliveries: number): void {
    this.#memory.i32[(this.#slot + QUEUE_SLOT_HANDLES) >> 2] = deliveries
  }

  /** Deliveries that it wants to have unsettled. */
  want(deliveries: number): void {
    this.#memory.store(this.#slot + QUEUE_SLOT_PREFETCH, deliveries)
  }

  /** So many messages are with pending handlers, and so many are handled and wait for their outputs. */
  inHand(pending: number, handled: number): void {
    this.#common.active(pending)
    this.#common.handled(handled)
  }
}
