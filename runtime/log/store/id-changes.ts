/**
 * Ids of a queue's messages as the file of settlements says them: a part of a table as a change, and a change taken over into a table.
 *
 * The thread that owns the file. Pure. A change that is taken over twice says the same, and so does one of what the table has already: the
 * queue's actor adds an id when it takes the message, and it is written later.
 */
import type { IdTable } from '../../base/id-table.ts'
import type { IdChange } from '../format/settled-change.ts'

/** Ids from this one on, so many at most, of messages below `end`. */
export function idsFrom(table: IdTable, from: number, end: number, most: number): IdChange {
  const { room } = table
  const { first, duplicates, forgotten } = room
  const begin = Math.max(from, first)
  const [offsets, timesMs]: [number[], number[]] = [[], []]
  for (let entry = begin; entry < room.end && offsets.length < most; entry++) {
    const offset = table.offsetOf(entry)
    if (offset >= end) break
    offsets.push(offset)
    timesMs.push(table.timeOf(entry))
  }
  const words = new Int32Array(offsets.length * 4)
  for (let word = 0; word < words.length; word++) words[word] = table.wordOf(begin + (word >> 2), word & 3)
  return { first, from: begin, hashes: new Uint8Array(words.buffer), offsets, timesMs, duplicates, forgotten }
}

/** Takes over what a file says. */
export function noteIds(table: IdTable, ids: IdChange): void {
  const { room } = table
  const { first, from, hashes, offsets, timesMs } = ids
  // Of a table that was made for it, or whose file says no more than that these are there.
  if (room.end < from) table.beginAt(from)
  const words = new Int32Array(hashes.slice().buffer)
  for (let id = room.end - from; id < offsets.length; id++)
    table.add(words, 4 * id, offsets[id] as number, timesMs[id] as number)
  table.forgetTo(first)
  room.duplicates = Math.max(room.duplicates, ids.duplicates)
  room.forgotten = Math.max(room.forgotten, ids.forgotten)
}
