/**
 * How far producers with numbers are in the log of a queue: what its host's file says, and what came behind the end that is written there.
 *
 * The partition host's thread. Segments of settled messages go, and with them the numbers in their frames. A number is written down with the
 * pass after that of its message, and so before the message is settled. What a death left out is found in the log.
 *
 * Bound: a log that is looked through from the end that is written down, which its queue keeps near.
 */
import {
  FRAME_BASE_SEQUENCE,
  FRAME_HEADER_BYTES,
  FRAME_PRODUCER_EPOCH,
  FRAME_PRODUCER_ID,
  type FrameMemory,
  frameEnd,
  NAMED_EPOCH,
} from '../log/format/frame.ts'
import type { SettledNumber } from '../log/format/settled-change.ts'
import type { Offset } from '../words/quantities.ts'

/** That of a frame which is taken, its messages in front of `end`; null: its producer has none. */
export function numberAt({ i32, f64 }: FrameMemory, address: number, end: Offset): SettledNumber | null {
  if (i32[(address + FRAME_PRODUCER_EPOCH) >> 2] !== NAMED_EPOCH) return null
  const producer = f64[(address + FRAME_PRODUCER_ID) >> 3] as number
  return { producer, last: (i32[(address + FRAME_BASE_SEQUENCE) >> 2] as number) >>> 0, end }
}

/** Those of frames of the log, in their order. */
export function* numbersIn(frames: Iterable<Buffer>): Generator<SettledNumber> {
  for (const frame of frames) {
    if (frame.length < FRAME_HEADER_BYTES || frame.readUInt32LE(FRAME_PRODUCER_EPOCH) !== NAMED_EPOCH) continue
    const last = frame.readUInt32LE(FRAME_BASE_SEQUENCE)
    yield { producer: frame.readDoubleLE(FRAME_PRODUCER_ID), last, end: frameEnd(frame) }
  }
}

export class StoredNumbers {
  /** By producer, since they were written down last. */
  readonly #unwritten = new Map<number, SettledNumber>()

  get isDirty(): boolean {
    return this.#unwritten.size > 0
  }

  /** The message is in the log. */
  note(number: SettledNumber): void {
    this.#unwritten.set(number.producer, number)
  }

  /** What is to be written down; null: nothing. */
  take(): readonly SettledNumber[] | null {
    if (this.#unwritten.size === 0) return null
    const numbers = [...this.#unwritten.values()]
    this.#unwritten.clear()
    return numbers
  }
}
