/**
 * Answers about the messages of a queue, for people: where one is and why, what is in the queue; and takes back what waits.
 *
 * The partition host's thread. Before it answers it takes in what consumers have ended. What it takes back is written down before it says so.
 *
 * Bounds: BROWSED messages and BROWSED_BYTES of a page, or one larger message; PURGED messages of one call.
 */
import { nowMs, wallMs } from '../../actors/world.ts'
import { HAS_KEY, NO_VALUE, recordIdText } from '../log/format/record.ts'
import type { KeyHold, QueueExplanation, QueueHold } from '../queue/queue-words.ts'
import type {
  AskedUpdate,
  CancelAnswer,
  MessageHold,
  MessagePage,
  MessageSight,
  PurgedPart,
  QueueAsks,
  SeenMessage,
  UpdateAnswer,
} from '../wire/queue-asks.ts'
import { MillraceError } from '../words/errors.ts'
import type { Offset } from '../words/quantities.ts'
import { cancelMessage } from './queue-cancels.ts'
import type { QueueParts } from './queue-parts.ts'
import { updateMessage } from './queue-updates.ts'

/** Messages of one page, and their bytes. */
const BROWSED = 256
const BROWSED_BYTES = 65_536
/** Messages that one call of `purge` looks at. */
const PURGED = 16_384

/** What it needs of the queue's actor. */
export interface AnsweringQueue {
  readonly parts: QueueParts
  /** Takes in what consumers have ended. */
  collect(): void
  /** Writes down what was decided; false: the disk has failed. */
  flush(): boolean
}

export class QueueAnswers implements QueueAsks {
  readonly #queue: AnsweringQueue

  constructor(queue: AnsweringQueue) {
    this.#queue = queue
  }

  end(): Offset {
    return this.#queue.parts.core.figures.end
  }

  find(hash: Uint8Array): Offset | null {
    const { messages } = this.#queue.parts
    this.#queue.parts.open()
    if (messages.ids === null) return null
    const { table, nowMs } = messages.ids
    const offset = table.find(new Int32Array(new Uint8Array(hash).buffer), 0, nowMs())
    return offset === -1 ? null : offset
  }

  explain(offset: Offset): MessageSight {
    this.#queue.collect()
    return this.#sight(offset)
  }

  cancel(offset: Offset): CancelAnswer {
    this.#queue.collect()
    const answer = cancelMessage(this.#queue.parts, offset)
    if (answer === 'cancelled') this.#tookBack()
    return answer
  }

  update(offset: Offset, update: AskedUpdate): UpdateAnswer {
    this.#queue.collect()
    const answer = updateMessage(this.#queue.parts, offset, update)
    if (answer === 'updated') this.#flush()
    return answer
  }

  browse(from: Offset, to: Offset): MessagePage {
    this.#queue.collect()
    const { core, source } = this.#queue.parts
    const messages: SeenMessage[] = []
    let bytes = 0
    for (let next = core.next(from); next !== null && next < to; next = core.next(next + 1)) {
      const length = source.lengthOf(next)
      if (messages.length === BROWSED || (bytes > 0 && bytes + length > BROWSED_BYTES)) return { messages, next }
      bytes += length
      const message = this.#seen(next)
      if (message !== null) messages.push(message)
    }
    return { messages, next: null }
  }

  purge(from: Offset, to: Offset): PurgedPart {
    this.#queue.collect()
    const { core, facts, requests } = this.#queue.parts
    let purged = 0
    const next = core.purge({ from, to, most: PURGED }, offset => {
      requests.ended(offset, 'purged')
      facts.settledAs('purged', offset)
      purged++
    })
    if (purged > 0) this.#tookBack()
    return { purged, next }
  }

  #tookBack(): void {
    this.#queue.parts.messages.someSettled()
    this.#flush()
  }

  #flush(): void {
    const { messages, place } = this.#queue.parts
    if (this.#queue.flush()) return
    throw messages.error ?? new MillraceError('MILL_DISK', `queue ${place.topicName} could not be written`)
  }

  #seen(offset: Offset): SeenMessage | null {
    const { source } = this.#queue.parts
    const record = source.record(offset)
    if (record === null) return null
    const { bytes, attributes, timestamp, keyStart, keyEnd, headers, valueStart, valueEnd } = record
    const copy = (start: number, end: number): Uint8Array => new Uint8Array(bytes.subarray(start, end))
    return {
      offset,
      sight: this.#sight(offset),
      id: recordIdText(bytes, record.recordStart),
      priority: source.priorityOf(offset),
      timestamp,
      attributes,
      key: (attributes & HAS_KEY) === 0 ? null : copy(keyStart, keyEnd),
      headers: headers === null ? null : copy(headers.start, headers.end),
      value: (attributes & NO_VALUE) === 0 ? copy(valueStart, valueEnd) : null,
    }
  }

  #sight(offset: Offset): MessageSight {
    const found = this.#queue.parts.core.explain(offset)
    if (found.state === 'unknown' || found.state === 'settled') return { state: found.state }
    if (found.state === 'scheduled') return { state: 'scheduled', dueMs: wallMsOf(found.dueMs) }
    const { handOuts: deliveryAttempts, failedAttempts } = found
    const attempts = { deliveryAttempts, failedAttempts }
    if (found.state === 'ready')
      return { state: 'ready', ahead: found.ahead, blockedBy: this.#holdOf(found.blockedBy), ...attempts }
    if (found.state === 'retrying') return { state: 'retrying', dueMs: wallMsOf(found.dueMs), ...attempts }
    if (found.state === 'dying') return { state: 'dying', reason: found.reason, ...attempts }
    return { state: 'unacked', ...this.#holder(found, offset), ...attempts }
  }

  /** The core is told of a beginning only where that matters: the claims say more. */
  #holder(
    { consumer: number }: Extract<QueueExplanation, { readonly state: 'unacked' }>,
    offset: Offset,
  ): { readonly thread: number; readonly begun: boolean } {
    for (const consumer of this.#queue.parts.consumers.values())
      if (consumer.number === number) return { thread: consumer.place.thread, begun: consumer.hasBegun(offset) }
    throw new Error(`broken invariant: message ${offset} is held by consumer ${number}, which is not here`)
  }

  /** The key of the message that goes first; another key of the same hash shares its turns. */
  #keyHold({ behind }: KeyHold): MessageHold {
    const record = this.#queue.parts.source.record(behind)
    const key =
      record === null ? new Uint8Array() : new Uint8Array(record.bytes.subarray(record.keyStart, record.keyEnd))
    return { key, behind }
  }

  #holdOf(hold: QueueHold): MessageHold {
    if (hold === 'held') return 'retries'
    if (typeof hold === 'object') return hold === null ? null : this.#keyHold(hold)
    if (hold !== 'prefetch') return hold
    for (const consumer of this.#queue.parts.consumers.values()) if (consumer.words.wanted > 0) return hold
    return 'paused'
  }
}

/** A time of this process as one of the wall clock. */
function wallMsOf(dueMs: number): number {
  return Math.round(wallMs() + dueMs - nowMs())
}
