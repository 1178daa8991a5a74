/**
 * Moves a handler over the records of one fetch, one call for all of them; each is still handed out, charged and settled by itself.
 *
 * The handling thread; one for each call. It never refers to what the reader has: its bytes are a copy, made when they are asked
 * for. The record that it stands on is the one in hand: the one before was acked by the move, and all behind it are untouched.
 *
 * Bound: one fetch, and what `mayGoOn` says. A record whose publishes are not confirmed is the last of its call, so that they
 * belong to it alone.
 */
import { HAS_KEY, NO_VALUE } from '../log/format/record.ts'
import { type FetchedFrame, RecordDelivery } from '../reader/delivery.ts'
import type { PartitionReader } from '../reader/partition-reader.ts'
import { attributesAt, keyEndAt, valueStartAt } from '../reader/record-ranges.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import { MillraceError } from '../words/errors.ts'
import type { Headers } from '../words/message.ts'
import type { RecordCursor } from '../words/record-cursor.ts'
import type { DeliveryContext } from './delivery-context.ts'
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

export class FetchCursor implements RecordCursor {
  readonly #thread: AttachedThread
  readonly #reader: PartitionReader
  readonly #context: DeliveryContext
  readonly #mayGoOn: () => boolean
  /** Index of the first record of the call in the fetch: what is in front of it is not in `bytes`. */
  readonly #base: number
  #stage: Stage = 'new'
  #hasBegun = false
  #frame: FetchedFrame
  #at: number
  #offset: number
  /** The record it stands on, once it was looked at. */
  #delivery: RecordDelivery | null
  #bytes: Buffer | null = null

  /** `first`: the record that the reader stands on, which counts as handed out. */
  constructor({ thread, reader, context, mayGoOn }: CursorSetting, first: RecordDelivery) {
    this.#thread = thread
    this.#reader = reader
    this.#context = context
    this.#mayGoOn = mayGoOn
    this.#base = reader.at
    this.#frame = reader.frame
    this.#at = reader.at
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
    this.#hasBegun = true
    return true
  }

  /** Its handler has returned, or thrown: the record that it stands on. Nobody can use it any more. */
  end(): RecordDelivery {
    const last = this.#inHand
    this.#stage = 'over'
    return last
  }

  /** Whether its handler has asked for the first record. */
  get hasBegun(): boolean {
    return this.#hasBegun
  }

  get #inHand(): RecordDelivery {
    this.#delivery ??= new RecordDelivery(this.#frame, this.#at, this.#offset, 1, 0)
    return this.#delivery
  }

  #check(): void {
    if (this.#stage === 'over') throw this.#late()
    if (this.#stage !== 'new') return
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

  get #record(): RecordDelivery {
    this.#check()
    return this.#inHand
  }

  get bytes(): Buffer {
    if (this.#stage === 'over') throw this.#late()
    this.#bytes ??= this.#frame.bytes.range(this.#base, this.#reader.unknownEnd)
    return this.#bytes
  }

  get keyStart(): number {
    const end = this.keyEnd
    return end === -1 ? -1 : end - (this.#frame.words[(this.#at >> 2) + 3] as number)
  }

  get keyEnd(): number {
    this.#check()
    const attributes = attributesAt(this.#frame, this.#at)
    return (attributes & HAS_KEY) === 0 ? -1 : keyEndAt(this.#frame, this.#at, attributes) - this.#base
  }

  get valueStart(): number {
    this.#check()
    const attributes = attributesAt(this.#frame, this.#at)
    return (attributes & NO_VALUE) !== 0 ? -1 : valueStartAt(this.#frame, this.#at, attributes) - this.#base
  }

  get valueEnd(): number {
    this.#check()
    const attributes = attributesAt(this.#frame, this.#at)
    return (attributes & NO_VALUE) !== 0 ? -1 : this.#at + (this.#frame.words[this.#at >> 2] as number) - this.#base
  }

  get offset(): number {
    this.#check()
    return this.#offset
  }

  get topic(): string {
    return this.#record.topic
  }

  get partition(): number {
    return this.#record.partition
  }

  get timestamp(): number {
    return this.#record.timestamp
  }

  get key(): string | null {
    return this.#record.key
  }

  get keyBytes(): Uint8Array | null {
    return this.#record.keyBytes
  }

  get value(): unknown {
    return this.#record.value
  }

  get valueBytes(): Uint8Array | null {
    return this.#record.valueBytes
  }

  get headers(): Headers {
    return this.#record.headers
  }

  get deliveryAttempt(): number {
    return this.#record.deliveryAttempt
  }

  get failedAttempts(): number {
    return this.#record.failedAttempts
  }
}
