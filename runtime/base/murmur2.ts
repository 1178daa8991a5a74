/**
 * The hash of bytes that partitions and limits of keys go by: Kafka's. Any thread, without allocating.
 *
 * Source: MurmurHash2 by Austin Appleby (public domain), with the seed of Kafka's `Utils.murmur2`.
 */

export const SEED = 0x9747b28c
const MULTIPLIER = 0x5bd1e995
const SHIFT = 24

/** Kafka's hash of the first so many bytes, as a signed 32-bit integer. */
export function murmur2(bytes: Uint8Array, length: number = bytes.length): number {
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

/** The hash so far, with four bytes more. */
export function mix(hash: number, word: number): number {
  let k = Math.imul(word, MULTIPLIER)
  k ^= k >>> SHIFT
  return Math.imul(hash, MULTIPLIER) ^ Math.imul(k, MULTIPLIER)
}

/** The hash of so many bytes, of which the last 0 to 3 are not in it yet. */
export function finish(hash: number, tail: number, length: number): number {
  let h = (length & 3) === 0 ? hash : Math.imul(hash ^ tail, MULTIPLIER)
  h ^= h >>> 13
  h = Math.imul(h, MULTIPLIER)
  return h ^ (h >>> 15)
}
