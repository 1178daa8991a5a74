/**
 * The hash by which limits of keys know the key of a message. The partition host's thread. Pure.
 *
 * A producer writes it into the fields of the record where keys are limited. A record from before they were has no such fields: its key is
 * hashed here, and gives the same.
 */
import type { WindowReader } from 'sharedarraybuffer-ring'
import { murmur2 } from '../base/murmur2.ts'
import { HAS_KEY, HAS_QUEUE_FIELDS, RECORD_HEADER_BYTES } from '../log/format/record.ts'
import type { Position } from '../words/quantities.ts'

/** Unsigned; never 0, which stands for no key. */
export function keyHash(written: number): number {
  return written >>> 0 || 1
}

export function keyHashOf(key: Uint8Array): number {
  return keyHash(murmur2(key))
}

/** Of the record at a position of a window; 0: it has no key. */
export function keyHashAt(window: WindowReader, record: Position): number {
  const attributes = window.word(record + 4) >>> 16
  if ((attributes & HAS_KEY) === 0) return 0
  if ((attributes & HAS_QUEUE_FIELDS) !== 0) return keyHash(window.word(record + RECORD_HEADER_BYTES + 4))
  const key = Buffer.allocUnsafe(window.word(record + 12))
  window.copyOut((record + RECORD_HEADER_BYTES) | 0, key.length, key, 0)
  return keyHashOf(key)
}
