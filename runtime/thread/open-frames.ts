/**
 * The writers of one thread that were written to and are to be sealed: at the end of the turn, or of what this turn of the event loop
 * still publishes.
 *
 * Any thread that publishes. Outside of a turn of the thread, frames wait in rounds of microtasks. One round is enough for the next
 * batch of a loop that awaits what is done already. Where few partitions are written to none waits longer than its own. Where there are
 * many, a batch has few records for each, and a frame of a few costs as much as one of many: so the more there are, the more rounds, up
 * to ROUNDS_MAX. What is full meanwhile is sealed as ever (publish/partition-writer.ts). Each EARLY_BYTES of that the hosts are told: one
 * that sleeps is to work beside this thread, and not after it.
 *
 * When the event loop comes round and nothing more was published, what is on its way may be all that the program waits for. A host that
 * naps then goes on.
 *
 * Bound: the writers of the thread.
 */
import { queueMicrotask, setImmediate } from '../../actors/world.ts'
import type { RingWriter } from './ring-writer.ts'
import type { ThreadLink } from './thread-link.ts'

const FRAMES_OF_ROUND = 4
const FEW_FRAMES = 8
const ROUNDS_MAX = 32
const EARLY_BYTES = 32_768

export class OpenFrames {
  readonly #links: readonly ThreadLink[]
  #dirty: RingWriter[] = []
  #isScheduled = false
  #rounds = 0
  /** Published before their turn ended, since hosts were told last. */
  #earlyBytes = 0
  /** Whether the event loop is to come round before naps end. */
  #looksForMore = false
  /** By host: whether it was given a hint, and is to be rung. */
  readonly #isTold: boolean[]

  constructor(links: readonly ThreadLink[]) {
    this.#links = links
    this.#isTold = links.map(() => false)
  }

  /** The writer was written to. `isInTurn`: its thread seals at the end of its turn. */
  mark(writer: RingWriter, isInTurn: boolean): void {
    writer.dirty = true
    if (writer.isAnswered) this.#links[writer.host]?.awaits()
    this.#dirty.push(writer)
    if (this.#isScheduled || isInTurn) return
    this.#isScheduled = true
    this.#rounds = 0
    queueMicrotask(this.#sealInTime)
  }

  readonly #sealInTime = (): void => {
    if (this.#rounds++ < roundsOf(this.#dirty.length)) {
      queueMicrotask(this.#sealInTime)
      return
    }
    this.seal()
    if (this.#looksForMore) return
    this.#looksForMore = true
    setImmediate(this.#mayWait)
  }

  readonly #mayWait = (): void => {
    this.#looksForMore = false
    if (this.#dirty.length > 0) return
    for (const link of this.#links) link.endNap()
  }

  /** Writers that are marked have published frames of about so many bytes, and stay marked. */
  publishedEarly(bytes: number): void {
    this.#earlyBytes += bytes
    if (this.#earlyBytes < EARLY_BYTES) return
    this.#earlyBytes = 0
    this.#tellHosts(this.#dirty)
  }

  /** Rings each host once: one that is woken may have done all of it, and sleep again, before the next ring. */
  #tellHosts(writers: readonly RingWriter[]): void {
    for (const { host, ring } of writers) this.#links[host]?.hint(ring)
    for (const { host } of writers) this.#isTold[host] = true
    for (let host = 0; host < this.#links.length; host++) {
      if (this.#isTold[host] !== true) continue
      this.#isTold[host] = false
      this.#links[host]?.ring()
    }
  }

  /** Publishes all of them, and tells their hosts. */
  seal(): void {
    this.#isScheduled = false
    this.#earlyBytes = 0
    const dirty = this.#dirty
    if (dirty.length === 0) return
    this.#dirty = []
    for (const writer of dirty) {
      writer.dirty = false
      writer.seal()
    }
    this.#tellHosts(dirty)
  }
}

/** Rounds that so many open frames wait. */
function roundsOf(frames: number): number {
  return frames < FEW_FRAMES ? 0 : Math.min(ROUNDS_MAX, Math.floor(frames / FRAMES_OF_ROUND))
}
