/**
 * Reads and writes the times of messages in memory: where their records lie in the window of their queue (window-times.ts), or where
 * what was updated of them is (update-block.ts).
 *
 * The partition host's thread. Each write is one store. Nothing is kept.
 */
import type { WindowReader } from 'sharedarraybuffer-ring'
import { expiresAtAt, notBeforeAt } from '../log/format/queue-fields.ts'
import { HAS_QUEUE_FIELDS, RECORD_HEADER_BYTES } from '../log/format/record.ts'
import type { Offset, Position } from '../words/quantities.ts'
import { NOWHERE, type UpdateBlock } from './update-block.ts'
import { type FellDue, fellDueField, fellDueIn, timeIn } from './window-times.ts'

export class TimesInWindow {
  readonly #reader: WindowReader
  readonly #updates: UpdateBlock

  constructor(reader: WindowReader, updates: UpdateBlock) {
    this.#reader = reader
    this.#updates = updates
  }

  /** When the message of this record is due, in `nowMs`; 0: at once, or it fell due. `end`: of the log. */
  dueMsOf(offset: Offset, record: Position, end: Offset): number {
    const index = this.#notBefore(offset, record)
    if (index === NOWHERE) return 0
    const field = this.#reader.memory.f64[index] as number
    return fellDueIn(field, end) === null ? timeIn(field) : 0
  }

  /** When it expires, in `nowMs`; 0 or Infinity: never. */
  expiresMsOf(offset: Offset, record: Position): number {
    const index = this.#expiresAt(offset, record)
    return index === NOWHERE ? 0 : timeIn(this.#reader.memory.f64[index] as number)
  }

  /** Whether it has any. */
  areOf(offset: Offset, record: Position): boolean {
    return this.#notBefore(offset, record) !== NOWHERE || this.#expiresAt(offset, record) !== NOWHERE
  }

  /** What it is since it fell due; null: it has not. */
  fallOf(offset: Offset, record: Position, end: Offset): FellDue | null {
    const index = this.#notBefore(offset, record)
    return index === NOWHERE ? null : fellDueIn(this.#reader.memory.f64[index] as number, end)
  }

  fellDue(offset: Offset, record: Position, fall: FellDue): void {
    this.#reader.memory.f64[this.#notBefore(offset, record)] = fellDueField(fall)
  }

  #notBefore(offset: Offset, record: Position): number {
    const updated = this.#updates.notBeforeAt(offset)
    return updated === NOWHERE ? this.#find(record, notBeforeAt) : updated
  }

  #expiresAt(offset: Offset, record: Position): number {
    const updated = this.#updates.expiresAtAt(offset)
    return updated === NOWHERE ? this.#find(record, expiresAtAt) : updated
  }

  /** Index of one of the times of a record. */
  #find(record: Position, partAt: (word: number) => number): number {
    const reader = this.#reader
    if (((reader.word(record + 4) >>> 16) & HAS_QUEUE_FIELDS) === 0) return NOWHERE
    const part = partAt(reader.word(record + RECORD_HEADER_BYTES))
    return part === 0 ? NOWHERE : reader.addressOf((record + RECORD_HEADER_BYTES + part) | 0) >> 3
  }
}
