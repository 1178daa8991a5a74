/**
 * Every shared word of this package, its one writer and its readers.
 *
 * Addresses are byte offsets into one `Memory`. A control word sits alone on its 128 bytes (two cache lines, because
 * adjacent lines are prefetched in pairs), so that two threads never write to the same line.
 *
 * ```
 * ring      +0 TAIL    producer writes, consumer reads     position after the last published record
 *           +128 HEAD  consumer writes, producer reads     position after the last released record
 *           +256 CLOSED producer writes, consumer reads    1: nothing follows the tail in this ring
 *           +260 WANTS producer writes, consumer reads     1: it may wait for room, and is to be woken after a release
 *           +384 data, `capacity` bytes, a power of two
 *
 * record    i32 length  > 0: bytes of this record, this word included, at least 8; its payload follows, padded to 8
 *                       < 0: padding of -length bytes up to the end of the data
 *
 * bell      +0 SLEEPS  1: the owner sleeps (owner writes 1 and 0, a ringer writes 0)
 *           +4 NAP     1: the owner naps (owner writes 1 and 0, whoever rouses it writes 0)
 *
 * window    +0 END     writer writes, readers read         position after the last committed byte
 *           +4 START   writer writes, readers read         first byte that pinned readers may look at; without pins 0
 *           +8 LAP     writer writes, readers read         how often START has passed a multiple of 2^30
 *           +12 PLACE  writer writes, readers and next writer read   where the data are: 0: behind these words; else the
 *                      number of their line times 32, and the exponent of their capacity
 *           +128 GENERATION writer writes, next writer reads   odd or even names the valid bank
 *           +256, +320 two banks of 16 words               what the next writer needs if this one dies
 *           +384 data, `capacity` bytes, a power of two
 *
 * gate      one for each reader that a window takes, in a table of a fixed number
 *           +0 POSITION reader writes, writer reads      first byte that it still needs: the start does not pass it
 *           +4 INSIDE  reader writes, writer reads       0: outside, 1: it may be looking at the window's bytes,
 *                                                        2: it has left, and writes here no more
 *           +128 ENDED keeper writes, both read          the last term that is to end
 *           +132 EXITED keeper writes, writer reads      the last term whose reader's thread has exited
 *           +256 TERM  writer writes, next writer reads  number of the reader that the gate was opened for last; 0: none.
 *                      Between two terms, when the old reader has left or exited, the writer sets POSITION and INSIDE
 *
 * pin       one word for each reader that a window's writer overtakes, wherever its owner has room
 *           +0 POSITION reader writes, writer reads      first byte that it copies now, a multiple of 8; 1: it copies none
 * ```
 *
 * Positions are free-running Int32: they wrap from 2^31 - 1 to -2^31 and are compared by `(a - b) | 0`.
 */

export const LINE_BYTES = 128

export const RING_TAIL = 0
export const RING_HEAD: number = LINE_BYTES
export const RING_CLOSED: number = 2 * LINE_BYTES
export const RING_WANTS: number = 2 * LINE_BYTES + 4
export const RING_DATA: number = 3 * LINE_BYTES

export const BELL_SLEEPS = 0
export const BELL_NAP = 4
export const BELL_BYTES: number = LINE_BYTES

export const WINDOW_END = 0
export const WINDOW_START = 4
export const WINDOW_LAP = 8
export const WINDOW_PLACE = 12
export const WINDOW_GENERATION: number = LINE_BYTES
export const WINDOW_BANKS: number = 2 * LINE_BYTES
export const WINDOW_BANK_BYTES = 64
export const WINDOW_DATA: number = 3 * LINE_BYTES

export const GATE_POSITION = 0
export const GATE_INSIDE = 4
export const GATE_ENDED: number = LINE_BYTES
export const GATE_EXITED: number = LINE_BYTES + 4
export const GATE_TERM: number = 2 * LINE_BYTES
export const GATE_BYTES: number = 3 * LINE_BYTES

/** Value of a pin while its reader copies nothing. */
export const PIN_IDLE = 1

/** Bytes that a ring of this capacity takes in memory. */
export function ringBytes(capacity: number): number {
  return RING_DATA + capacity
}

/** Bytes that a window of this capacity takes in memory. */
export function windowBytes(capacity: number): number {
  return WINDOW_DATA + capacity
}

/** Rounds up to the alignment of records, 8 bytes. */
export function align8(bytes: number): number {
  return (bytes + 7) & ~7
}
