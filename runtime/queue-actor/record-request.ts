/**
 * Who waits for the answer to a message, as its record says (queue-fields.ts), in a window or in bytes that were read.
 *
 * The partition host's thread. Nothing is kept of single messages: a queue that has seen no request looks into no record for it.
 */
import type { WindowReader } from 'sharedarraybuffer-ring'
import type { RequestAddress } from '../link/answers.ts'
import { areOfRequest, REPLY_REQUEST, replyAtOf } from '../log/format/queue-fields.ts'
import { HAS_QUEUE_FIELDS, RECORD_HEADER_BYTES } from '../log/format/record.ts'
import type { Offset, Position } from '../words/quantities.ts'

/** What of the messages of a queue are requests. */
export interface KnownRequests {
  /** Whether any came while this host has the queue. */
  readonly any: boolean
  /** Whether there may be any at all. */
  readonly maybe: boolean
  /** Who waits for the answer to a message that is not settled; null: it is no request. */
  of(offset: Offset): RequestAddress | null
}

/** What a record is looked at through. */
export interface RecordWords {
  word(at: number): number
  double(at: number): number
}

/** Null: nobody waits for an answer to this one. */
export function requestAt(words: RecordWords, record: number): RequestAddress | null {
  if (((words.word((record + 4) | 0) >>> 16) & HAS_QUEUE_FIELDS) === 0) return null
  const fields = (record + RECORD_HEADER_BYTES) | 0
  const word = words.word(fields)
  if (!areOfRequest(word)) return null
  const reply = (fields + replyAtOf(word)) | 0
  return { client: words.word(reply), request: words.double((reply + REPLY_REQUEST) | 0) }
}

/** Those of a queue in memory. */
export class RequestsInWindow implements KnownRequests, RecordWords {
  any = false
  readonly #reader: WindowReader
  readonly #recordOf: (offset: Offset) => Position

  constructor(reader: WindowReader, recordOf: (offset: Offset) => Position) {
    this.#reader = reader
    this.#recordOf = recordOf
  }

  get maybe(): boolean {
    return this.any
  }

  /** The record at this position came, or was moved here. */
  came(record: Position): void {
    this.any ||= requestAt(this, record) !== null
  }

  of(offset: Offset): RequestAddress | null {
    return this.any ? requestAt(this, this.#recordOf(offset)) : null
  }

  word(at: Position): number {
    return this.#reader.word(at)
  }

  double(at: Position): number {
    return this.#reader.memory.f64[this.#reader.addressOf(at) >> 3] as number
  }
}

/** Those of a queue on disk. What a predecessor took is looked at in the log. */
export class StoredRequests implements KnownRequests {
  any = false
  /** Messages below are of a predecessor. */
  readonly #found: Offset
  readonly #look: (offset: Offset) => RequestAddress | null

  constructor(found: Offset, look: (offset: Offset) => RequestAddress | null) {
    this.#found = found
    this.#look = look
  }

  get maybe(): boolean {
    return this.any || this.#found > 0
  }

  of(offset: Offset): RequestAddress | null {
    return this.any || offset < this.#found ? this.#look(offset) : null
  }
}
