/**
 * The ids of a queue on disk: in memory with what its host's file says of the queue, and written there with the pass after that of their
 * messages.
 *
 * The partition host's thread. Made when the queue's core is. What came behind the last id of the file is found in the log, where each
 * record has the hash of its id. Times are those of the wall clock when the process opened the queue, and go on with the process's own clock.
 * A host's successor in the same process reads the same.
 *
 * Bounds: those of the table; a log that is looked through from the end that is written down, which its queue keeps near.
 */
import type { IdTable } from '../base/id-table.ts'
import { FRAME_BASE_TIMESTAMP, FRAME_COUNT, FRAME_HEADER_BYTES, frameStart } from '../log/format/frame.ts'
import { recordIdAt } from '../log/format/record.ts'
import type { IdChange } from '../log/format/settled-change.ts'
import { idsFrom } from '../log/store/id-changes.ts'
import type { SettledState } from '../log/store/settled-state.ts'
import type { Offset } from '../words/quantities.ts'
import type { KnownIds } from './id-gate.ts'

export interface StoredIdsPlace {
  readonly state: SettledState
  readonly keepMs: number
  readonly most: number
  /** First offset that was not appended. */
  readonly end: Offset
  /** Frames of the log, whole, from the one that holds an offset on. */
  frames(from: Offset, end: Offset): Iterable<Buffer>
  /** Of the times of ids, in whole ms; it only goes forward. */
  nowMs(): number
  /** Whether another process had the queue before. */
  readonly isNewProcess: boolean
}

export class StoredIds implements KnownIds {
  readonly table: IdTable
  readonly nowMs: () => number
  /** Number of the first one that is not written down. */
  #unwritten: number
  #duplicates: number
  #isDirty = false

  /** @throws MillraceError MILL_DISK, MILL_CORRUPT */
  constructor(place: StoredIdsPlace) {
    const { state, keepMs, most } = place
    this.nowMs = place.nowMs
    this.table = state.openIds()
    const { table } = this
    const { room } = table
    this.#unwritten = room.end
    this.#duplicates = room.duplicates
    table.keepMs = keepMs
    table.noneAfter(this.nowMs())
    table.most = most
    if (table.size > most) {
      room.forgotten += table.size - most
      table.forgetTo(room.end - most)
    }
    this.#lookThrough(place)
  }

  /** Adds what the log has behind the last id. It was accepted between its sending and now: of a process before, when it was sent. */
  #lookThrough({ state, end, frames, isNewProcess }: StoredIdsPlace): void {
    const { table } = this
    const { room } = table
    const last = room.end - 1
    const from = Math.max(state.known?.end ?? 0, table.size > 0 ? table.offsetOf(last) + 1 : 0)
    const now = this.nowMs()
    let timeMs = table.size > 0 ? table.timeOf(last) : 0
    const hash = new Int32Array(4)
    for (const frame of from < end ? frames(from, end) : []) {
      // A copy begins where its memory does, and has whole words.
      const bytes = new Uint8Array(Math.ceil(frame.length / 8) * 8)
      bytes.set(frame)
      const words = new Int32Array(bytes.buffer)
      timeMs = isNewProcess
        ? Math.min(now, Math.max(timeMs, Math.floor(frame.readDoubleLE(FRAME_BASE_TIMESTAMP))))
        : now
      let at = FRAME_HEADER_BYTES
      for (let left = frame.readUInt32LE(FRAME_COUNT); left > 0; left--) {
        const offset = frameStart(frame) + frame.readUInt16LE(at + 4)
        const id = recordIdAt(words, at)
        if (id !== -1 && offset >= from && offset < end) {
          hash.set(words.subarray(id, id + 4))
          if (table.find(hash, 0, timeMs) === -1) table.add(hash, 0, offset, timeMs)
          this.#isDirty = true
        }
        at += (frame.readUInt32LE(at) + 7) & ~7
      }
    }
  }

  get isDirty(): boolean {
    return this.#isDirty
  }

  committed(): void {
    if (this.#unwritten < this.table.room.end) this.#isDirty = true
  }

  /** What is to be written down of messages below `end`; null: nothing. */
  take(end: Offset): IdChange | null {
    this.#isDirty = false
    const { room } = this.table
    const from = Math.max(this.#unwritten, room.first)
    if (from === room.end && room.duplicates === this.#duplicates) return null
    const ids = idsFrom(this.table, from, end, Number.POSITIVE_INFINITY)
    this.#unwritten = from + ids.offsets.length
    this.#duplicates = room.duplicates
    return ids
  }
}
