/**
 * The bytes of a change that say which ids of messages a queue knows (settled-format.ts).
 *
 * Leaf, any thread. Pure. Bound: ID_BYTES_MAX of each.
 */
import { ID_HASH_BYTES } from './queue-fields.ts'
import type { IdChange } from './settled-change.ts'
import type { ByteReader, ByteWriter } from './varint.ts'

export const ID_BYTES_MAX: number = ID_HASH_BYTES + 16

export function writeIds(writer: ByteWriter, ids: IdChange): void {
  const { first, from, hashes, offsets, timesMs, duplicates, forgotten } = ids
  for (const number of [first, from - first, duplicates, forgotten, offsets.length]) writer.number(number)
  let [offset, timeMs] = [0, 0]
  for (let id = 0; id < offsets.length; id++) {
    const [atOffset, atMs] = [offsets[id] as number, timesMs[id] as number]
    writer.raw(hashes, id * ID_HASH_BYTES, ID_HASH_BYTES)
    writer.number(atOffset - offset)
    writer.number(atMs - timeMs)
    offset = atOffset
    timeMs = atMs
  }
}

/** Null: they cannot be. */
export function readIds(reader: ByteReader): IdChange | null {
  const first = reader.number()
  const from = first + reader.number()
  const duplicates = reader.number()
  const forgotten = reader.number()
  const count = reader.number()
  // A number that is not there reads as 0; what is broken is told by the reader.
  if (!Number.isSafeInteger(from + count) || count * ID_HASH_BYTES > reader.left) return null
  const hashes = new Uint8Array(count * ID_HASH_BYTES)
  const [offsets, timesMs]: [number[], number[]] = [[], []]
  let [offset, timeMs] = [0, 0]
  for (let id = 0; id < count && !reader.isBroken; id++) {
    reader.raw(hashes, id * ID_HASH_BYTES, ID_HASH_BYTES)
    const before = offset
    offset += reader.number()
    timeMs += reader.number()
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(timeMs) || (id > 0 && offset === before)) return null
    offsets.push(offset)
    timesMs.push(timeMs)
  }
  return { first, from, hashes, offsets, timesMs, duplicates, forgotten }
}
