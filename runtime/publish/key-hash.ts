/**
 * The hash of a key, and the partition that it gives: Kafka's.
 *
 * Runs on the publishing thread, once per message, without allocating. Invariant: equal key bytes give equal partitions, whether
 * the key was given as text or as bytes, and the same ones as in Kafka.
 *
 * Source: MurmurHash2 by Austin Appleby (public domain), with the seed of Kafka's `Utils.murmur2`.
 */
import { isWellFormed } from '../words/codec.ts'
import { halfKey } from './checked-message.ts'

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
