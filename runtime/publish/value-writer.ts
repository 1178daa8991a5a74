/** Writes a value into a record. The producer's thread. */
import type { Memory } from 'sharedarraybuffer-ring'

/** Room in front of a value that begins at a multiple of 8; a record without key and headers needs none. */
export const ALIGN_BYTES = 7
/** Room behind a value, which `writeBytes` may use. */
export const SHIFT_BYTES = 7
/** Below this length copying once takes no longer than copying twice. */
const SHIFTED_FROM_BYTES = 80

/**
 * Copying into shared memory goes byte by byte unless source and target are aligned alike, and a value is written at a multiple of
 * 8. One that comes from elsewhere is copied a few bytes further on first, and from there in place, which WebAssembly does at full
 * speed.
 *
 * `length`: for which there is room. Another thread may have grown a buffer that is shared: what came behind is left out.
 */
export function writeBytes(memory: Memory, bytes: Uint8Array, at: number, length: number): void {
  const shift = length < SHIFTED_FROM_BYTES || memory.kind === 'js' ? 0 : (bytes.byteOffset - at) & SHIFT_BYTES
  const fitting = bytes.length === length ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, length)
  memory.u8.set(fitting, at + shift)
  if (shift !== 0) memory.copy(at, at + shift, length)
}

/** Below this length a loop over the characters beats the call into Buffer's encoder. */
const LOOP_CHARS = 24

export function writeString(memory: Memory, text: string, at: number): number {
  const length = text.length
  if (length <= LOOP_CHARS) {
    const u8 = memory.u8
    let index = 0
    for (; index < length; index++) {
      const code = text.charCodeAt(index)
      if (code > 127) break
      u8[at + index] = code
    }
    if (index === length) return length
  }
  return memory.bytes.write(text, at, 'utf8')
}
