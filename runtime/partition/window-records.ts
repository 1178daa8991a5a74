/**
 * The records of a partition in memory: what is in its window, and nothing else.
 *
 * The partition host's thread.
 */
import type { WindowReader, WindowWriter } from 'sharedarraybuffer-ring'
import {
  FRAME_BASE_SEQUENCE,
  FRAME_PRODUCER_ID,
  FRAME_RING,
  frameBaseOffset,
  frameEndOffset,
} from '../log/format/frame.ts'
import { describeFrame } from '../log/format/frame-scan.ts'
import { firstRecordSince } from '../log/format/record-times.ts'
import type { KeptRecords } from './kept-records.ts'

export class WindowRecords implements KeptRecords {
  readonly bytes = 0
  readonly #window: WindowWriter
  readonly #reader: WindowReader
  readonly #end: { readonly offset: number }

  constructor(window: WindowWriter, reader: WindowReader, end: { readonly offset: number }) {
    this.#window = window
    this.#reader = reader
    this.#end = end
  }

  get startOffset(): number {
    const { start, end } = this.#window
    return start === end ? this.#end.offset : frameBaseOffset(this.#reader, start)
  }

  record(): null {
    return null
  }

  sequencesOf(producerId: number): Set<number> {
    const found = new Set<number>()
    const id = new Float64Array(1)
    const bytes = new Uint8Array(id.buffer)
    for (const position of framesOf(this.#window, this.#reader)) {
      if (this.#reader.word(position + FRAME_RING) !== 0) continue
      this.#reader.copyOut(position + FRAME_PRODUCER_ID, 8, bytes, 0)
      if (id[0] === producerId) found.add(this.#reader.word(position + FRAME_BASE_SEQUENCE))
    }
    return found
  }

  answersOf(): [] {
    return []
  }

  offsetAt(timeMs: number, endOffset: number): number {
    const reader = this.#reader
    for (const position of framesOf(this.#window, reader)) {
      const bytes = Buffer.alloc(reader.word(position))
      reader.copyOut(position, bytes.length, bytes, 0)
      const frame = describeFrame(bytes, 0, 0)
      const offset = frame.maxTimestamp >= timeMs ? firstRecordSince(frame, timeMs) : null
      if (offset !== null && offset < frameEndOffset(reader, position)) return offset
    }
    return endOffset
  }

  /** Named producers are of topics on disk. */
  lastSequence(): null {
    return null
  }
}

/** Positions of the frames in a window, oldest first, from one of them on. */
export function* framesOf(
  window: WindowWriter,
  reader: WindowReader,
  from: number = window.start,
): Generator<number, void, void> {
  for (let position = from; position !== window.end; position = (position + reader.word(position)) | 0) yield position
}
