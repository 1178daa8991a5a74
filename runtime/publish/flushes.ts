/**
 * Those who wait until what was published before them is appended.
 *
 * The producer's thread. A flush covers what its callers had published when it was called: what is in frames, and what waited for
 * room. What was lost of that without an answer rejects it. Of two that wait both are told; of what none has told, the next one is.
 *
 * The last one, of a broker that closes, covers only what somebody still waits to hear of: a publish that was answered,
 * as aborted or as too late, is waited for no more, though its record may still be in a ring.
 */
import { nowMs, queueMicrotask } from '../../actors/world.ts'
import type { PartitionWriter } from './partition-writer.ts'
import type { Refused } from './refused-frames.ts'
import type { WaitingRoom } from './waiting-room.ts'

interface Flush {
  /** Since when it waits for something else than the producer's rate; Infinity: it waits for that. */
  sinceMs: number
  /** Serial of the last waiter that it covers. */
  readonly behind: number
  readonly isLast: boolean
  /** Frames each partition had sealed when those were in frames; null: not yet. */
  upTo: readonly number[] | null
  /** Frames each partition had sealed at the call. */
  readonly sealed: readonly number[]
  /** Why something that it may cover was lost. */
  refusal: Error | null
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** What a producer says of itself. */
export interface Flushed {
  /** Serial of the oldest publish that waits for room; Infinity: none does. */
  readonly oldest: number
  /** Records without an answer, of which somebody wants to hear. */
  readonly unanswered: number
}

export class Flushes {
  readonly #writers: readonly Pick<PartitionWriter, 'sealed' | 'answered'>[]
  readonly #room: Pick<WaitingRoom, 'settled' | 'unsettled'>
  #open: Flush[] = []
  /** Why something was lost of which no flush has told for certain. */
  #untold: Error | null = null

  constructor(
    writers: readonly Pick<PartitionWriter, 'sealed' | 'answered'>[],
    room: Pick<WaitingRoom, 'settled' | 'unsettled'>,
  ) {
    this.#writers = writers
    this.#room = room
  }

  add(behind: number, isLast: boolean): Promise<void> {
    this.#room.unsettled()
    const sealed = this.#writers.map(writer => writer.sealed)
    const refusal = this.#untold
    this.#untold = null
    return new Promise((resolve, reject) =>
      this.#open.push({ sinceMs: nowMs(), behind, isLast, upTo: null, sealed, refusal, resolve, reject }),
    )
  }

  /**
   * Records in these frames of the partition were lost, without an answer. A frame may have been sealed since a flush was called, and hold
   * what waited for room: that flush is told, and so is the next one.
   */
  lostInFrames(partition: number, { first, last }: Refused, error: Error): void {
    let isTold = false
    for (const flush of this.#open) {
      if (flush.upTo === null || first <= (flush.upTo[partition] ?? 0)) flush.refusal = error
      if (last <= (flush.sealed[partition] ?? 0)) isTold = true
    }
    if (!isTold) this.#untold = error
  }

  /** The record that waited under this serial was lost, without an answer. */
  lostWaiting(serial: number, error: Error): void {
    const covering = this.#open.filter(({ behind }) => behind >= serial)
    for (const flush of covering) flush.refusal = error
    if (covering.length === 0) this.#untold = error
  }

  /** Since when the oldest of them waits; Infinity: none waits. */
  get sinceMs(): number {
    return this.#open[0]?.sinceMs ?? Number.POSITIVE_INFINITY
  }

  /** The rate holds those that wait from this serial on. */
  look(heldFrom: number, now: number): void {
    for (const flush of this.#open) {
      const isHeld = flush.upTo === null && flush.behind >= heldFrom
      flush.sinceMs = isHeld ? Number.POSITIVE_INFINITY : Math.min(flush.sinceMs, now)
    }
  }

  serve(producer: Flushed): void {
    if (this.#open.length === 0) return
    this.#open = this.#open.filter(flush => {
      if (!this.#isOver(flush, producer)) return true
      this.#room.settled()
      tell(flush, flush.refusal)
      return false
    })
  }

  #isOver(flush: Flush, producer: Flushed): boolean {
    if (flush.isLast) return producer.unanswered === 0
    if (flush.upTo === null && producer.oldest > flush.behind) flush.upTo = this.#writers.map(writer => writer.sealed)
    const { upTo } = flush
    // In partitions that were added since nothing had been published.
    return upTo !== null && this.#writers.every((writer, index) => writer.answered >= (upTo[index] ?? 0))
  }

  fail(error: Error): void {
    for (const flush of this.#open) {
      this.#room.settled()
      tell(flush, error)
    }
    this.#open = []
  }
}

/** A microtask later: so are the publishes that it covers (publish-run.ts), and they come first. */
function tell({ resolve, reject }: Flush, refusal: Error | null): void {
  queueMicrotask(() => (refusal === null ? resolve() : reject(refusal)))
}
