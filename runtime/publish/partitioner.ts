/**
 * Which partition a message goes to: by the hash of its key, or where least is unread when it has none.
 *
 * Runs on the publishing thread, once per message, without allocating. Invariant: equal key bytes give equal
 * partitions, whether the key was given as text or as bytes, and the same ones as in Kafka.
 *
 * Source: MurmurHash2 by Austin Appleby (public domain), with the seed of Kafka's `Utils.murmur2`; the sticky
 * partitioner follows KIP-480, the choice of the emptiest of a few Mitzenmacher's "power of two choices".
 */

import { isWellFormed } from '../words/codec.ts'
import { halfKey } from './checked-message.ts'
import { FRAME_TARGET_BYTES } from './partition-writer.ts'

const SEED = 0x9747b28c
const MULTIPLIER = 0x5bd1e995
const SHIFT = 24
const SCRATCH_BYTES = 4 * 1_024

const scratch = new Uint8Array(SCRATCH_BYTES)
const encoder = new TextEncoder()

/** Kafka's hash of key bytes, as a signed 32-bit integer. */
export function murmur2(bytes: Uint8Array): number {
  return murmur2Of(bytes, bytes.length)
}

/** Hash of a key: that of its UTF-8 bytes, if it is text. @throws MillraceError MILL_UNSERIALISABLE if UTF-8 cannot hold it */
export function hashKey(key: string | Uint8Array): number {
  if (typeof key !== 'string') return murmur2Of(key, key.length)
  const length = key.length
  const wholeLength = length & ~3
  let hash = SEED ^ length
  let seen = 0
  let at = 0
  for (; at < wholeLength; at += 4) {
    const a = key.charCodeAt(at)
    const b = key.charCodeAt(at + 1)
    const c = key.charCodeAt(at + 2)
    const d = key.charCodeAt(at + 3)
    seen |= a | b | c | d
    hash = mix(hash, a | (b << 8) | (c << 16) | (d << 24))
  }
  let tail = 0
  for (let shift = 0; at < length; at++, shift += 8) {
    const unit = key.charCodeAt(at)
    seen |= unit
    tail |= unit << shift
  }
  // Looking at all units first would read the key twice; the rare wrong start is thrown away instead.
  return seen > 0x7f ? hashUtf8(key) : finish(hash, tail, length)
}

/** Partition of a key, 0 to `partitions` - 1. */
export function partitionOfKey(key: string | Uint8Array, partitions: number): number {
  return (hashKey(key) & 0x7fffffff) % partitions
}

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
export class StickyPartitioner {
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

/** One partition after the other, a record each. */
export class RoundRobinPartitioner {
  #partitions: number
  #next = 0

  constructor(partitions: number) {
    this.#partitions = partitions
  }

  /** So many there are now, never fewer than before. */
  grown(partitions: number): void {
    this.#partitions = partitions
  }

  next(): number {
    const partition = this.#next
    this.#next = partition + 1 === this.#partitions ? 0 : partition + 1
    return partition
  }
}

function murmur2Of(bytes: Uint8Array, length: number): number {
  const wholeLength = length & ~3
  let hash = SEED ^ length
  let at = 0
  for (; at < wholeLength; at += 4) {
    hash = mix(hash, bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24))
  }
  let tail = 0
  for (let shift = 0; at < length; at++, shift += 8) tail |= bytes[at]! << shift
  return finish(hash, tail, length)
}

function hashUtf8(key: string): number {
  if (!isWellFormed(key)) throw halfKey()
  // A UTF-16 unit takes at most three bytes.
  if (key.length * 3 > SCRATCH_BYTES) return murmur2(encoder.encode(key))
  return murmur2Of(scratch, encoder.encodeInto(key, scratch).written)
}

function mix(hash: number, word: number): number {
  let k = Math.imul(word, MULTIPLIER)
  k ^= k >>> SHIFT
  return Math.imul(hash, MULTIPLIER) ^ Math.imul(k, MULTIPLIER)
}

function finish(hash: number, tail: number, length: number): number {
  let h = (length & 3) === 0 ? hash : Math.imul(hash ^ tail, MULTIPLIER)
  h ^= h >>> 13
  h = Math.imul(h, MULTIPLIER)
  return h ^ (h >>> 15)
}
