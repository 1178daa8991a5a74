/**
 * The words of a queue's consumer (layout.ts) as its partition host reads them: what it asks for, and what it has in hand.
 *
 * The partition host's thread. Whoever consumes writes them (reader/consumer-slot.ts), but for the one word that says what is awaited.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import { QUEUE_SLOT_BACKLOG, QUEUE_SLOT_HANDLES, QUEUE_SLOT_PREFETCH, QUEUE_SLOT_STACK } from '../wire/layout.ts'
import type { SlotPlace } from '../wire/places.ts'
import type { ConsumerShape } from '../wire/queue-places.ts'

export class ConsumerWords {
  readonly #memory: Memory
  readonly #slot: number
  readonly #prefetch: number
  #backlog = -1

  constructor(memory: Memory, { slot }: SlotPlace, { prefetch }: ConsumerShape) {
    this.#memory = memory
    this.#slot = slot
    this.#prefetch = prefetch
  }

  /** Deliveries that it may have unsettled now: what it wants, within its prefetch. */
  get wanted(): number {
    return Math.min(this.#memory.load(this.#slot + QUEUE_SLOT_PREFETCH), this.#prefetch)
  }

  /** Messages that it begins at once, if it has them: those of a loop go one by one. */
  get handles(): number {
    return Math.max(1, this.#memory.i32[(this.#slot + QUEUE_SLOT_HANDLES) >> 2] as number)
  }

  /** At so many it is served again that had all that it wants: with half of that, or with all that it handles at a time. */
  get lowWater(): number {
    const { wanted } = this
    const handles = this.#memory.i32[(this.#slot + QUEUE_SLOT_HANDLES) >> 2] as number
    return Math.max(wanted >> 1, Math.min(handles === 0 ? wanted : handles, wanted - 1))
  }

  /** Tag of the message that its thread is charged with; 0: none. */
  get onStack(): number {
    return this.#memory.i32[(this.#slot + QUEUE_SLOT_STACK) >> 2] as number
  }

  /** Tells it whether messages or senders wait for what it ends, and else whether there are other consumers. */
  waits(hasBacklog: boolean, isShared: boolean): void {
    const backlog = hasBacklog ? 1 : isShared ? 2 : 0
    if (backlog === this.#backlog) return
    this.#backlog = backlog
    this.#memory.store(this.#slot + QUEUE_SLOT_BACKLOG, backlog)
  }
}
