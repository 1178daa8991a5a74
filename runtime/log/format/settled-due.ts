/**
 * The part of a queue's change that says what fell due (settled-format.ts has the drawing). Offsets stand in the order in which they did,
 * and neighbours are near to each other as a rule.
 *
 * Leaf, any thread. Pure. An offset that follows the one before takes a byte.
 */
import type { DueGroup } from './settled-change.ts'
import type { ByteReader, ByteWriter } from './varint.ts'

/** Of an offset that fell due, and of a group without its offsets, at most. */
export const DUE_BYTES_MAX = 8
export const DUE_GROUP_BYTES_MAX = 16

/** The lowest offset of these. */
export function lowestOf(due: readonly DueGroup[]): number {
  let lowest = Number.POSITIVE_INFINITY
  for (const { offsets } of due) for (const offset of offsets) lowest = Math.min(lowest, offset)
  return lowest
}

export function writeDue(writer: ByteWriter, due: readonly DueGroup[], base: number): void {
  writer.number(due.length)
  let before = base
  for (const { place, offsets } of due) {
    writer.number(place - base)
    writer.number(offsets.length)
    for (const offset of offsets) {
      writer.number(offset < before ? 2 * (before - offset) - 1 : 2 * (offset - before))
      before = offset
    }
  }
}

/** Null: an offset is out of range. */
export function readDue(reader: ByteReader, base: number): DueGroup[] | null {
  const due: DueGroup[] = []
  let before = base
  for (let groups = reader.number(); groups > 0 && !reader.isBroken; groups--) {
    const place = base + reader.number()
    const offsets: number[] = []
    for (let left = reader.number(); left > 0 && !reader.isBroken; left--) {
      const distance = reader.number()
      before += distance % 2 === 0 ? distance / 2 : -(distance + 1) / 2
      if (!Number.isSafeInteger(before) || before < base) return null
      offsets.push(before)
    }
    if (!Number.isSafeInteger(place)) return null
    due.push({ place, offsets })
  }
  return due
}
