/**
 * Moves a handler over the records of one fetch, one call for all of them; each is still handed out, charged and settled by itself.
 *
 * The handling thread; one for each call. It never refers to what the reader has: its bytes are a copy, made when they are asked
 * for, in memory that is lent to it (lent-bytes.ts). The record that it stands on is the one in hand: the one before was acked by the move, and all behind it are untouched.
 *
 * Bound: one fetch, and what `mayGoOn` says. A record whose publishes are not confirmed is the last of its call, so that they
 * belong to it alone.
 */
import {
  HAS_HEADERS,
  HAS_KEY,
  HAS_QUEUE_FIELDS,
  keyStartOf,
  NO_VALUE,
  RECORD_HEADER_BYTES,
  valueStartOf,
} from '../log/format/record.ts'
import { type FetchedFrame, RecordDelivery } from '../reader/delivery.ts'
import type { PartitionReader } from '../reader/partition-reader.ts'
import { keyEndAt, valueStartAt } from '../reader/record-ranges.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import { MillraceError } from '../words/errors.ts'
import type { Headers } from '../words/message.ts'
import type { RecordCursor } from '../words/record-cursor.ts'
import type { DeliveryContext } from './delivery-context.ts'
import { lendBytes, takeBack } from './lent-bytes.ts'
import { countTurn } from './on-stack.ts'

/** What a call of a handler with `records` needs. */
export interface CursorSetting {
  readonly thread: AttachedThread
  readonly reader: PartitionReader
  readonly context: DeliveryContext
  /** Whether the next record may be handed out; asked before each. */
  readonly mayGoOn: () => boolean
}

/** Before the first `next`; on a record; behind the last one; and when its handler has returned. */
type Stage = 'new' | 'on' | 'behind' | 'over'

/** Then it takes more to say where a value begins. */
const RARE = HAS_HEADERS | HAS_QUEUE_FIELDS | NO_VALUE

export class FetchCursor implements RecordCursor {
  readonly #thread: AttachedThread
  readonly #reader: PartitionReader
  readonly #context: DeliveryContext
  readonly #mayGoOn: () => boolean
  /** Index of the first record of the call in the fetch: what is in front of it is not in `bytes`. */
  readonly #base: number
  /** Of the fetch. */
  readonly #words: Int32Array
  readonly #buffer: Buffer
  #stage: Stage = 'new'
  #frame: FetchedFrame
  /** Where the record begins that it stands on; -1: it stands on none. */
  #at = -1
  #offset: number
  /** The record it stands on, once it was looked at. */
  #delivery: RecordDelivery | null
  #bytes: Buffer | null = null
  #hasBegun = false

  /** `first`: the record that the reader stands on, which counts as handed out. */
  constructor({ thread, reader, context, mayGoOn }: CursorSetting, first: RecordDelivery) {
    this.#thread = thread
    this.#reader = reader
    this.#context = context
    this.#mayGoOn = mayGoOn
    this.#base = reader.at
    this.#frame = reader.frame
    this.#words = reader.frame.words
    this.#buffer = reader.frame.buffer
    this.#offset = reader.offset
    this.#delivery = first
  }

  next(): boolean {
    if (this.#stage !== 'on') return this.#begin()
    const reader = this.#reader
    if (this.#context.outstanding > 0 || !this.#mayGoOn() || !reader.nextUnknown()) {
      this.#stage = 'behind'
      return false
    }
    reader.returned(this.#offset + 1)
    reader.handOut(reader.offset)
    countTurn(this.#thread)
    this.#frame = reader.frame
    this.#at = reader.at
    this.#offset = reader.offset
    this.#delivery = null
    return true
  }

  #begin(): boolean {
    if (this.#stage === 'over') throw this.#late()
    if (this.#stage === 'behind') return false
    this.#stage = 'on'
    this.#at = this.#base
    this.#hasBegun = true
    return true
  }

  /** Its handler has returned, or thrown: the record that it stands on. Nobody can use it any more. */
  end(): RecordDelivery {
    const last = this.#inHand()
    this.#stage = 'over'
    this.#at = -1
    if (this.#bytes !== null) takeBack(this.#bytes)
    this.#bytes = null
    return last
  }

  /** Whether its handler has asked for the first record. */
  get hasBegun(): boolean {
    return this.#hasBegun
  }

  /** No getter: a private one costs several times as much. */
  #inHand(): RecordDelivery {
    this.#delivery ??= new RecordDelivery(this.#frame, this.#at, this.#offset, 1, 0)
    return this.#delivery
  }

  /** It stands on no record. */
  #refuse(): never {
    if (this.#stage === 'over') throw this.#late()
    throw new MillraceError(
      'MILL_HANDLER',
      'the cursor stands before its first record: write `while (records.next()) { … }`, and read its fields there',
    )
  }

  #late(): MillraceError {
    const { topic, partition } = this.#frame
    return new MillraceError(
      'MILL_SETTLED',
      `the cursor on ${topic}/${partition} cannot be used any more: its call is over; keep values, not the cursor, or use a \`batch\` handler, which may wait`,
    )
  }

  #record(): RecordDelivery {
    if (this.#at === -1) this.#refuse()
    return this.#inHand()
  }

  get bytes(): Buffer {
    if (this.#stage === 'over') throw this.#late()
    this.#bytes ??= this.#copied()
    return this.#bytes
  }

  #copied(): Buffer {
    const end = this.#reader.unknownEnd
    const bytes = lendBytes(end - this.#base)
    this.#buffer.copy(bytes, 0, this.#base, end)
    return bytes
  }

  get keyStart(): number {
    const at = this.#at
    if (at === -1) this.#refuse()
    const attributes = this.#attributesAt(at)
    if ((attributes & HAS_KEY) === 0) return -1
    return keyStartOf(this.#buffer, at, attributes) - this.#base
  }

  get keyEnd(): number {
    const at = this.#at
    if (at === -1) this.#refuse()
    const attributes = this.#attributesAt(at)
    if ((attributes & HAS_KEY) === 0) return -1
    return keyEndAt(this.#frame, at, attributes) - this.#base
  }

  get valueStart(): number {
    const at = this.#at
    if (at === -1) this.#refuse()
    const attributes = this.#attributesAt(at)
    if ((attributes & RARE) !== 0)
      return (attributes & NO_VALUE) !== 0 ? -1 : valueStartAt(this.#frame, at, attributes) - this.#base
    return valueStartOf(at + RECORD_HEADER_BYTES + (this.#words[(at >> 2) + 3] as number), attributes) - this.#base
  }

  get valueEnd(): number {
    const at = this.#at
    if (at === -1) this.#refuse()
    return (this.#attributesAt(at) & NO_VALUE) !== 0 ? -1 : at + (this.#words[at >> 2] as number) - this.#base
  }

  #attributesAt(at: number): number {
    return (this.#words[(at >> 2) + 1] as number) >>> 16
  }

  get offset(): number {
    if (this.#at === -1) this.#refuse()
    return this.#offset
  }

  get topic(): string {
    return this.#record().topic
  }

  get partition(): number {
    return this.#record().partition
  }

  get timestamp(): number {
    return this.#record().timestamp
  }

  get key(): string | null {
    return this.#record().key
  }

  get keyBytes(): Uint8Array | null {
    return this.#record().keyBytes
  }

  get value(): unknown {
    return this.#record().value
  }

  get valueBytes(): Uint8Array | null {
    return this.#record().valueBytes
  }

  get headers(): Headers {
    return this.#record().headers
  }

  get deliveryAttempt(): number {
    return this.#record().deliveryAttempt
  }

  get failedAttempts(): number {
    return this.#record().failedAttempts
  }
}
