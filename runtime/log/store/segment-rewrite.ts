/**
 * Rewrites one closed segment without what is not needed any more, a bounded piece at a time.
 *
 * The partition host's thread. The original stays as it is until the new one takes its place (`PartitionLog.replace`). A segment
 * in which nothing is needed is not read. One of which too much is needed is given up.
 *
 * Bound: the pieces of a FrameScan and of a SegmentWriter, and two open files.
 */
import type { Disk, DiskFile } from '../disk/disk.ts'
import { CorruptLogError } from '../disk/log-errors.ts'
import { FrameScan } from '../format/frame-scan.ts'
import { type LogSettings, SEGMENT_HEADER_BYTES, segmentPath } from '../format/segment-format.ts'
import { thinFrame } from '../format/thin-frame.ts'
import type { LogSegment } from '../recovery/log-segment.ts'
import { SegmentWriter, type WrittenSegment } from './segment-writer.ts'

export interface RewritePlan {
  readonly segment: LogSegment
  /** Whether the message is still needed. */
  readonly isNeeded: (offset: number) => boolean
  /** Whether any is. */
  readonly isEmpty: boolean
  /** A new segment that is larger is not worth it. */
  readonly bytesMax: number
}

export class SegmentRewrite {
  readonly segment: LogSegment
  readonly #plan: RewritePlan
  readonly #writer: SegmentWriter
  readonly #source: DiskFile | null
  readonly #scan: FrameScan | null

  constructor(disk: Disk, folder: string, settings: LogSettings, plan: RewritePlan) {
    const { baseOffset, bytes, createdMs } = plan.segment
    this.segment = plan.segment
    this.#plan = plan
    this.#source = plan.isEmpty ? null : disk.open(segmentPath(folder, baseOffset), 'read')
    try {
      const from = { position: SEGMENT_HEADER_BYTES, offset: baseOffset }
      this.#scan = this.#source === null ? null : new FrameScan(this.#source, from, bytes, settings.frameBytesMax)
      this.#writer = new SegmentWriter(disk, folder, settings, baseOffset, createdMs)
    } catch (error) {
      this.#source?.close()
      throw error
    }
  }

  /** Reads on, by about so many bytes; `read`: to its end; `dense`: too much of it is needed. @throws CorruptLogError */
  step(bytes: number): 'more' | 'read' | 'dense' {
    const scan = this.#scan
    if (scan === null) return 'read'
    const until = scan.position + bytes
    while (scan.position < until) {
      const frame = scan.next()
      if (frame === null) {
        if (scan.why !== null) throw new CorruptLogError((this.#source as DiskFile).path, scan.position, scan.why)
        return 'read'
      }
      const thin = thinFrame(frame.bytes, this.#plan.isNeeded)
      if (thin === null) continue
      this.#writer.add(thin)
      if (this.#writer.bytes > this.#plan.bytesMax) return 'dense'
    }
    return 'more'
  }

  /** Makes the new segment durable; it was read to its end. */
  finish(): WrittenSegment {
    this.#source?.close()
    return this.#writer.finish(this.segment.endOffset)
  }

  giveUp(): void {
    this.#source?.close()
    this.#writer.giveUp()
  }
}
