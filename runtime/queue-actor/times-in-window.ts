/**
 * Reads and writes the times of messages where their records lie in the window of a queue in memory (window-times.ts).
 *
 * The partition host's thread. Each write is one store. Nothing is kept.
 */
import type { WindowReader } from 'sharedarraybuffer-ring'
import { expiresAtAt, notBeforeAt } from '../log/format/queue-fields.ts'
import { HAS_QUEUE_FIELDS, RECORD_HEADER_BYTES } from '../log/format/record.ts'
import type { Offset, Position } from '../words/quantities.ts'
import { type FellDue, fellDueField, fellDueIn, timeIn } from './window-times.ts'

const NOWHERE = -1

export class TimesInWindow {
  readonly #reader: WindowReader

  constructor(reader: WindowReader) {
    this.#reader = reader
  }

  /** When the message of this record is due, in `nowMs`; 0: at once, or it fell due. `end`: of the log. */
  dueMsAt(record: Position, end: Offset): number {
    const index = this.#find(record, notBeforeAt)
    if (index === NOWHERE) return 0
    const field = this.#reader.memory.f64[index] as number
    return fellDueIn(field, end) === null ? timeIn(field) : 0
  }

  /** When it expires, in `nowMs`; 0: never. */
  expiresMsAt(record: Position): number {
    const index = this.#find(record, expiresAtAt)
    return index === NOWHERE ? 0 : timeIn(this.#reader.memory.f64[index] as number)
  }

  /** Whether it has any. */
  areAt(record: Position): boolean {
    return this.#find(record, notBeforeAt) !== NOWHERE || this.#find(record, expiresAtAt) !== NOWHERE
  }

  /** What it is since it fell due; null: it has not. */
  fallAt(record: Position, end: Offset): FellDue | null {
    const index = this.#find(record, notBeforeAt)
    return index === NOWHERE ? null : fellDueIn(this.#reader.memory.f64[index] as number, end)
  }

  fellDue(record: Position, fall: FellDue): void {
    this.#reader.memory.f64[this.#find(record, notBeforeAt)] = fellDueField(fall)
  }

  /** Index of one of the times of a record. */
  #find(record: Position, partAt: (word: number) => number): number {
    const reader = this.#reader
    if (((reader.word(record + 4) >>> 16) & HAS_QUEUE_FIELDS) === 0) return NOWHERE
    const part = partAt(reader.word(record + RECORD_HEADER_BYTES))
    return part === 0 ? NOWHERE : reader.addressOf((record + RECORD_HEADER_BYTES + part) | 0) >> 3
  }
}
