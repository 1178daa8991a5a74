/**
 * The record inside a frame.
 *
 * ```
 *  0 u32 length          this header, key, headers and value, in bytes, not padded
 *  4 u16 offsetDelta     offset - the frame's base offset
 *  6 u16 attributes      bits below
 *  8 i32 timestampDelta  ms, to the frame's base timestamp
 * 12 u32 keyLength
 * 16 key | u32 headersLength, headers (headers.ts), only with HAS_HEADERS | value
 * ```
 *
 * Leaf, any thread.
 */

export const RECORD_HEADER_BYTES = 16

export const HAS_KEY = 1
export const KEY_IS_BYTES = 2
export const HAS_HEADERS = 4
/** The value is absent (a tombstone), not empty. */
export const NO_VALUE = 8
/** A replay wrote it: its count of replays is the broker's own, and not what a publisher says. */
export const IS_REPLAYED = 16
/** A partition host wrote it as a dead letter: the headers that say so are the broker's own. */
export const IS_LETTER = 32
