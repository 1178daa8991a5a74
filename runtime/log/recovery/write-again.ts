/**
 * Writes bytes of a file once more, so that the next sync makes them durable whatever an earlier one did.
 *
 * After a sync that failed, systems take what they could not write for written: they go on showing it, later syncs have nothing
 * to do with it, and a loss of power shows what the disk really has. Whoever opens a file cannot tell whether that happened to
 * the one before, so what must be durable is written again. It is the same bytes, and dying on the way changes nothing.
 *
 * The thread that owns the file. Bound: PIECE_BYTES in memory.
 */
import type { DiskFile } from '../disk/disk.ts'

const PIECE_BYTES = 256 * 1024

/** From one byte up to another. The caller syncs. @throws DiskError */
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
