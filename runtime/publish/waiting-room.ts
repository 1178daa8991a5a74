/**
 * What one thread's publishes may keep waiting, and for how long.
 *
 * The producer's thread. Bounds: 10,000 waiting publishes, 16 MiB of the bytes of single ones and 64 MiB of batches per
 * thread, or one larger batch; beyond that a publish is refused. A record that is larger by itself is
 * let in while no other has bytes here. While anything is unsettled a timer looks four times a second for what is overdue, and keeps the process
 * alive: an unsettled publish does, nothing else here.
 */
import { clearInterval, nowMs, setInterval } from '../../actors/world.ts'
import { FreePieces } from './packed-copies.ts'

/** Something that is looked at four times a second while it has unsettled publishes. */
export interface Sweepable {
  sweep(now: number): void
}

const PUBLISHES_MAX = 10_000
const BYTES_MAX = 16 * 1024 * 1024
const BATCH_BYTES_MAX = 64 * 1024 * 1024
const SWEEP_MS = 250

export class WaitingRoom {
  /** For the copies of waiting batches; free ones are kept while a batch waits. */
  readonly pieces: FreePieces = new FreePieces()
  readonly #swept = new Set<Sweepable>()
  #publishes = 0
  #bytes = 0
  #batchBytes = 0
  #unsettled = 0
  #timer: NodeJS.Timeout | null = null

  /** The bounds in words. */
  get bounds(): string {
    return `${PUBLISHES_MAX.toLocaleString('en')} publishes or ${BYTES_MAX / 1024 / 1024} MiB, and ${BATCH_BYTES_MAX / 1024 / 1024} MiB of batches`
  }

  /** Publishes waiting now. */
  get waiting(): number {
    return this.#publishes
  }

  add(producer: Sweepable): void {
    this.#swept.add(producer)
  }

  remove(producer: Sweepable): void {
    this.#swept.delete(producer)
  }

  /** Takes a waiting publish in; false when that would pass a bound, which is none of an output's. */
  admit(bytes: number, isOutput = false): boolean {
    const isFull = this.#publishes >= PUBLISHES_MAX || (this.#bytes > 0 && this.#bytes + bytes > BYTES_MAX)
    if (isFull && !isOutput) return false
    this.#publishes++
    this.#bytes += bytes
    return true
  }

  /** The same for a batch that takes so much; one that is larger than the bound may wait alone. */
  admitBatch(bytes: number): boolean {
    if (this.#publishes >= PUBLISHES_MAX) return false
    if (this.#batchBytes > 0 && this.#batchBytes + bytes > BATCH_BYTES_MAX) return false
    this.#publishes++
    this.#batchBytes += bytes
    return true
  }

  leaveBatch(bytes: number): void {
    this.#publishes--
    this.#batchBytes -= bytes
    if (this.#batchBytes === 0) this.pieces.clear()
  }

  leave(bytes: number): void {
    this.#publishes--
    this.#bytes -= bytes
  }

  /** Something became unsettled: the process stays alive until `settled`. */
  unsettled(): void {
    this.#unsettled++
    this.#timer ??= setInterval(this.#sweep, SWEEP_MS)
    if (this.#unsettled === 1) this.#timer.ref()
  }

  settled(): void {
    if (--this.#unsettled === 0) this.#timer?.unref()
  }

  readonly #sweep = (): void => {
    if (this.#unsettled === 0 && this.#timer !== null) {
      clearInterval(this.#timer)
      this.#timer = null
      return
    }
    const now = nowMs()
    for (const producer of this.#swept) producer.sweep(now)
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }
}
