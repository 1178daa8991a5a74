/**
 * The part of a queue's change that says what was updated of messages (settled-format.ts has the drawing).
 *
 * Leaf, any thread. Pure. Bound: UPDATE_BYTES_MAX of each.
 */
import type { SettledUpdate } from './settled-change.ts'
import type { ByteReader, ByteWriter } from './varint.ts'

export const UPDATE_BYTES_MAX = 40

const PRIORITY = 1
const DUE = 2
const EXPIRES = 4
const NEVER = 8
const PUT_OFF = 16
const FLAGS = 31

export function writeUpdates(writer: ByteWriter, updates: readonly SettledUpdate[], base: number): void {
  writer.number(updates.length)
  let before = base
  for (const { offset, atMs, priority, dueMs, expiresMs, isPutOff } of updates) {
    const never = expiresMs === Number.POSITIVE_INFINITY
    let flags = (priority === null ? 0 : PRIORITY) | (dueMs === null ? 0 : DUE) | (isPutOff ? PUT_OFF : 0)
    if (expiresMs !== null) flags |= never ? NEVER : EXPIRES
    writer.number(offset - before)
    writer.number(atMs)
    writer.byte(flags)
    for (const number of [priority, dueMs, never ? null : expiresMs]) if (number !== null) writer.number(number)
    before = offset
  }
}

/** Null: they cannot be. */
export function readUpdates(reader: ByteReader, base: number): SettledUpdate[] | null {
  const updates: SettledUpdate[] = []
  let offset = base
  for (let left = reader.number(); left > 0 && !reader.isBroken; left--) {
    offset += reader.number()
    const atMs = reader.number()
    const flags = reader.byte()
    const numberOf = (flag: number): number | null => ((flags & flag) === 0 ? null : reader.number())
    const [priority, dueMs] = [numberOf(PRIORITY), numberOf(DUE)]
    const expiresMs = (flags & NEVER) === 0 ? numberOf(EXPIRES) : Number.POSITIVE_INFINITY
    if (flags > FLAGS || (flags & (NEVER | EXPIRES)) === (NEVER | EXPIRES) || !Number.isSafeInteger(offset)) return null
    updates.push({ offset, atMs, priority, dueMs, expiresMs, isPutOff: (flags & PUT_OFF) !== 0 })
  }
  return updates
}
