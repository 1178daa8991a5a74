/**
 * The bytes of a batch's keys, kept from when their hashes chose partitions until they are written.
 *
 * The producer's thread, one place for all producers: only the batch that was begun last finds its keys here. Bound: KEPT_WORDS words. Keys
 * that have no room are encoded anew.
 */
import { WORDS_MAX, writeHashedKey } from './key-hash.ts'

const KEPT_WORDS = 16_384

/** Each key's bytes, with zeros behind them up to a multiple of 4. */
export const keptWords: Int32Array = new Int32Array(KEPT_WORDS)
let used = 0
let batch = 0

/** A batch begins; returns its number. */
export function beginKeys(): number {
  used = 0
  return ++batch
}

/** Whether the keys that are kept are those of this batch. */
export function hasKeys(number: number): boolean {
  return number === batch
}

/** Keeps a key that was hashed right before, behind those kept already; false: it was not, has to be encoded, or has no room. */
export function keepKey(key: string): boolean {
  if (used > KEPT_WORDS - WORDS_MAX || !writeHashedKey(key, keptWords, used)) return false
  used += wordsOf(key)
  return true
}

/** Words of a key that is kept. */
export function wordsOf(key: string): number {
  return (key.length + 3) >> 2
}
