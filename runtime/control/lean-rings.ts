/**
 * Asks threads to give back rings that are larger than they need while memory is short: a word of each tells, and its bell.
 *
 * The control thread. Memory is short while less than a quarter of it is free. Then it asks once in ASK_MS; a thread lets go, a few
 * at a time, rings through which nothing has gone since it was asked last (publish/publishers.ts).
 */
import { Doorbell } from 'sharedarraybuffer-ring'
import { clearTimeout, setTimeout } from '../../actors/world.ts'
import { THREAD_LEAN } from '../wire/layout.ts'
import type { Catalog } from './catalog.ts'
import { RING_REST_BYTES } from './ring-sizes.ts'

const ASK_MS = 1_000

export class LeanRings {
  readonly #catalog: Catalog
  #timer: NodeJS.Timeout | null = null

  constructor(catalog: Catalog) {
    this.#catalog = catalog
  }

  /** Something was allocated. */
  look(): void {
    if (this.#timer === null && this.#catalog.shared.isShort) this.#ask()
  }

  #ask(): void {
    this.#timer = null
    const { threads, rings, memory } = this.#catalog
    const wide = new Set<number>()
    for (const { thread, place } of rings.values()) if (place.capacity > RING_REST_BYTES) wide.add(thread)
    if (wide.size === 0 || !this.#catalog.shared.isShort) return
    for (const thread of wide) {
      const entry = threads.get(thread)
      if (entry === undefined || entry.leaving !== null) continue
      const word = entry.place.address + THREAD_LEAN
      memory.store(word, (memory.load(word) + 1) | 0)
      new Doorbell(memory, this.#catalog.bellOf(entry)).wake()
    }
    this.#timer = setTimeout(() => this.#ask(), ASK_MS)
    this.#timer.unref()
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}
