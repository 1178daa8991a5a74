/**
 * Writes bytes of a file once more, so that the next sync makes them durable whatever an earlier one did.
 *
 * After a sync that failed, systems treat the lost bytes as written. They still show those bytes, and later syncs
 * succeed without them. A loss of power then shows the real content of the disk. An opener cannot know whether that
 * happened to the process before, so bytes that must be durable are written again. They are the same bytes, and a death
 * on the way changes nothing.
 *
 * The thread that owns the file. Bound: PIECE_BYTES in memory.
 */
import type { DiskFile } from '../disk/disk.ts'

const PIECE_BYTES = 256 * 1024

/** Writes from one byte up to another. The caller syncs. @throws DiskError */
export function writeAgain(file: DiskFile, from: number, to: number): void {
  if (from >= to) return
  const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, to - from))
  for (let at = from; at < to; ) {
    const bytes = file.read(piece.subarray(0, Math.min(piece.length, to - at)), at)
    if (bytes === 0) return
    file.write([piece.subarray(0, bytes)], at)
    at += bytes
  }
}
