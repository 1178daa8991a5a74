/**
 * The hash of a key, and the partition that it gives: Kafka's.
 *
 * Runs on the publishing thread, once per message, without allocating. Invariant: equal key bytes give equal partitions, whether
 * the key was given as text or as bytes, and the same ones as in Kafka.
 */
import { finish, mix, murmur2, SEED } from '../base/murmur2.ts'
import { isWellFormed } from '../words/codec.ts'
import { halfKey } from './checked-message.ts'

const SCRATCH_BYTES = 4 * 1_024

const scratch = new Uint8Array(SCRATCH_BYTES)
const encoder = new TextEncoder()

/** Hash of a key: that of its UTF-8 bytes, if it is text. @throws MillraceError MILL_UNSERIALISABLE if UTF-8 cannot hold it */
export function hashKey(key: string | Uint8Array): number {
  if (typeof key !== 'string') return murmur2(key)
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

function hashUtf8(key: string): number {
  if (!isWellFormed(key)) throw halfKey()
  // A UTF-16 unit takes at most three bytes.
  if (key.length * 3 > SCRATCH_BYTES) return murmur2(encoder.encode(key))
  return murmur2(scratch, encoder.encodeInto(key, scratch).written)
}
