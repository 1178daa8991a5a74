/**
 * The times of a message in the window of a queue in memory. They are in the fields of its record, where a successor of the partition
 * host finds them: each is one store.
 *
 * ```
 * notBefore   above 0       as its sender wrote it, in `wallMs`: no host has looked at it
 *             -1 or below   due at -notBefore, in `nowMs`
 *             else          it fell due. As two words: the low one has the place, without its upper bits;
 *                           the high one 0x80100000 and, in its lower 28 bits, its number among those that fell due
 * expiresAt   above 0       as its sender wrote it
 *             -1 or below   expires at -expiresAt, in `nowMs`
 * ```
 *
 * The partition host's thread alone writes them, in the ring before it takes the frame, and later in the window. From then on the wall
 * clock has no part in them. Pure.
 */
import { type Instant, remainingMs } from '../base/clock.ts'
import type { FrameMemory } from '../log/format/frame.ts'
import { expiresAtAt, notBeforeAt } from '../log/format/queue-fields.ts'

const FELL_DUE = 0x80_10_00_00 | 0
const NUMBER_MASK = 0xf_ff_ff_ff
const LOW_RANGE = 2 ** 32

const time: Float64Array = new Float64Array(1)
const words: Int32Array = new Int32Array(time.buffer)

/** What a message is that fell due. */
export interface FellDue {
  /** Modulo 2^28. */
  readonly number: number
  /** The end of the log when it did. */
  readonly place: number
}

/** Turns the times of the message whose fields are at this address into those of the process. `sentMs`: when it was written, in `wallMs`. */
export function takeTimes({ i32, f64 }: FrameMemory, fields: number, sentMs: number, at: Instant): void {
  const word = i32[fields >> 2] as number
  for (const part of [notBeforeAt(word), expiresAtAt(word)]) {
    const index = (fields + part) >> 3
    if (part !== 0 && (f64[index] as number) > 0) f64[index] = -processMs(f64[index] as number, sentMs, at)
  }
}

/** A moment of a record as it is in `nowMs`; 1 at least. */
export function processMs(wallMs: number, sentMs: number, at: Instant): number {
  return Math.max(1, at.nowMs + remainingMs(wallMs, sentMs, at.wallMs))
}

/** When a message is due or expires, in `nowMs`, if its field says that. */
export function timeIn(field: number): number {
  return -field
}

/** The field of a message that fell due. */
export function fellDueField({ number, place }: FellDue): number {
  words[0] = place | 0
  words[1] = FELL_DUE + (number & NUMBER_MASK)
  return time[0] as number
}

/** What the field of a message says that fell due; null: it has not. `end` is the end of the log. */
export function fellDueIn(field: number, end: number): FellDue | null {
  if (field <= -1 || field > 0) return null
  time[0] = field
  const low = (words[0] as number) >>> 0
  const place = low + Math.floor((end - low) / LOW_RANGE) * LOW_RANGE
  return { number: ((words[1] as number) - FELL_DUE) & NUMBER_MASK, place }
}

/** Whether one fell due before another of the same queue. */
export function byFall(one: FellDue, other: FellDue): number {
  // Numbers wrap; those of one place are near to each other.
  return one.place - other.place || ((one.number - other.number) << 4) >> 4
}
