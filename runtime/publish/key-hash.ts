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

/** Keys that are longer are encoded first. */
const WORDS_CHARS = 64
/** Words of those that are not, at most. */
export const WORDS_MAX: number = WORDS_CHARS / 4

/** The bytes of the key that was hashed last, if it is ASCII and short, with zeros behind them. */
const words = new Int32Array(WORDS_MAX)
/** That key; null: another one was hashed last. */
let wordsKey: string | null = null

const scratch = new Uint8Array(SCRATCH_BYTES)
const encoder = new TextEncoder()

/** Hash of a key: that of its UTF-8 bytes, if it is text. @throws MillraceError MILL_UNSERIALISABLE if UTF-8 cannot hold it */
export function hashKey(key: string | Uint8Array): number {
  if (typeof key !== 'string') return murmur2(key)
  const length = key.length
  if (length > WORDS_CHARS) return hashUtf8(key)
  const whole = length & ~3
  let hash = SEED ^ length
  let seen = 0
  let at = 0
  for (; at < whole; at += 4) {
    const a = key.charCodeAt(at)
    const b = key.charCodeAt(at + 1)
    const c = key.charCodeAt(at + 2)
    const d = key.charCodeAt(at + 3)
    seen |= a | b | c | d
    const word = a | (b << 8) | (c << 16) | (d << 24)
    words[at >> 2] = word
    hash = mix(hash, word)
  }
  let tail = 0
  for (let shift = 0; at < length; at++, shift += 8) {
    const unit = key.charCodeAt(at)
    seen |= unit
    tail |= unit << shift
  }
  // Looking at all units first would read the key twice; the rare wrong start is thrown away instead.
  if (seen > 0x7f) return hashUtf8(key)
  if (whole < length) words[whole >> 2] = tail
  wordsKey = key
  return finish(hash, tail, length)
}

/**
 * Writes the bytes of a key that was hashed right before to an index of these words, with zeros behind them up to a multiple of 4; false:
 * it was not, or has to be encoded.
 */
export function writeHashedKey(key: string, to: Int32Array, at: number): boolean {
  if (key !== wordsKey) return false
  const end = (key.length + 3) >> 2
  for (let index = 0; index < end; index++) to[at + index] = words[index] as number
  return true
}

/** Partition of a key, 0 to `partitions` - 1. */
export function partitionOfKey(key: string | Uint8Array, partitions: number): number {
  return (hashKey(key) & 0x7fffffff) % partitions
}

function hashUtf8(key: string): number {
  wordsKey = null
  if (!isWellFormed(key)) throw halfKey()
  // A UTF-16 unit takes at most three bytes.
  if (key.length * 3 > SCRATCH_BYTES) return murmur2(encoder.encode(key))
  return murmur2(scratch, encoder.encodeInto(key, scratch).written)
}
