/** Writes a key into a record. The producer's thread. */
import type { Memory } from 'sharedarraybuffer-ring'
import { isWellFormed } from '../words/codec.ts'

/** Beyond this length Buffer's encoder is faster than the loop over a key's characters. */
const KEY_LOOP_CHARS = 64

/**
 * Keys are short and start at a multiple of 8: four characters at a time, as long as they are ASCII. Returns -1 for
 * text that UTF-8 cannot hold.
 */
export function writeKey(memory: Memory, key: string, at: number): number {
  const length = key.length
  if (length > KEY_LOOP_CHARS) return isWellFormed(key) ? memory.bytes.write(key, at, 'utf8') : -1
  const words = memory.i32
  const whole = length & ~3
  let seen = 0
  let index = 0
  for (let word = at >> 2; index < whole; index += 4) {
    const a = key.charCodeAt(index)
    const b = key.charCodeAt(index + 1)
    const c = key.charCodeAt(index + 2)
    const d = key.charCodeAt(index + 3)
    seen |= a | b | c | d
    words[word++] = a | (b << 8) | (c << 16) | (d << 24)
  }
  for (; index < length; index++) {
    const code = key.charCodeAt(index)
    seen |= code
    memory.u8[at + index] = code
  }
  if (seen <= 0x7f) return length
  return isWellFormed(key) ? memory.bytes.write(key, at, 'utf8') : -1
}
