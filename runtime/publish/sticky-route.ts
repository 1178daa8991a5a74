/**
 * The route of messages without a key: where least is unread, a run of them at a time.
 *
 * Runs on the publishing thread, once per message, without allocating; no clock, no random number.
 *
 * Source: sticky as in Kafka's KIP-480; the choice of the emptiest of a few is Mitzenmacher's "power of two choices".
 */
import { RECORD_HEADER_BYTES } from '../log/format/record.ts'
import { FRAME_TARGET_BYTES } from './partition-writer.ts'
import type { Route } from './route.ts'

/** What the choice looks at in a partition. */
export interface PartitionLoad {
  /** Whether its frame is open, so that one more record in it costs next to nothing. */
  readonly isOpen: boolean
  /** Records that its readers have not handled, as far as this thread knows. */
  readonly unread: number
}

/** Records published one by one that go to a partition before it is the next one's turn. */
export const RUN_RECORDS = 10
/** A turn looks at so many partitions at most, the nearest ones. */
const LOOKED_AT_MAX = 8
/** What is unread was counted a while ago: after so many turns that passed one over, each in order gets one in any case. */
const TRIED_AFTER = 8

/**
 * Partitions for messages without a key. One stays as long as its frame is open, for a run of records or 16 KiB at most;
 * the next one is the one with least unread, and of equal ones the nearest. One thread; no clock, no random number.
 */
export class StickyRoute implements Route {
  readonly #loads: readonly PartitionLoad[]
  #current: number
  #load: PartitionLoad
  #recordsLeft = 0
  #bytesLeft = 0
  #passedOver = 0

  /** By partition; there may come to be more. */
  constructor(loads: readonly PartitionLoad[]) {
    this.#loads = loads
    this.#current = loads.length - 1
    this.#load = loads[this.#current] as PartitionLoad
  }

  /** There are more: they are looked at where the loads are. */
  grown(): void {}

  of(_wanted: unknown, _key: unknown, value: string | Uint8Array | null, _message: unknown, run: number): number {
    return this.next(RECORD_HEADER_BYTES + (value === null ? 0 : value.length), run)
  }

  /** The partition for a message of this many bytes; `run`: records that may go to one in a row. */
  next(bytes: number, run: number): number {
    if (this.#recordsLeft === 0 || bytes > this.#bytesLeft || !this.#load.isOpen) {
      if (this.#loads.length > 1) this.#current = this.#turn()
      this.#load = this.#loads[this.#current] as PartitionLoad
      this.#recordsLeft = run
      this.#bytesLeft = FRAME_TARGET_BYTES
    }
    this.#recordsLeft--
    this.#bytesLeft -= bytes
    return this.#current
  }

  #turn(): number {
    const loads = this.#loads
    const partitions = loads.length
    const nearest = this.#current + 1 === partitions ? 0 : this.#current + 1
    let best = nearest
    let least = (loads[best] as PartitionLoad).unread
    const looks = Math.min(LOOKED_AT_MAX, partitions - 1)
    for (let look = 1, partition = best; look < looks && least > 0; look++) {
      partition = partition + 1 === partitions ? 0 : partition + 1
      const { unread } = loads[partition] as PartitionLoad
      if (unread < least) {
        best = partition
        least = unread
      }
    }
    if (best === nearest || ++this.#passedOver % TRIED_AFTER !== 0) return best
    return (this.#passedOver / TRIED_AFTER - 1) % partitions
  }
}
