/**
 * The hash by which limits of keys know the key of a message. The partition host's thread. Pure.
 *
 * A producer writes it into the fields of the record where keys are limited. A record from before they were has no such fields: its key is
 * hashed here, and gives the same.
 */
import { murmur2 } from '../base/murmur2.ts'

/** Unsigned; never 0, which stands for no key. */
export function keyHash(written: number): number {
  return written >>> 0 || 1
}

export function keyHashOf(key: Uint8Array): number {
  return keyHash(murmur2(key))
}
