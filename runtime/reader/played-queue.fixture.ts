/** A queue's partition host and the consumer's thread, played on one thread: hands out by hand, and writes down what is said. */
import { Memory, type Standing } from 'sharedarraybuffer-ring'
import { DeliverySlot, NOT_NOW } from '../link/delivery-slot.ts'
import { DELIVERY_JOINED, type DeliveryHead } from '../link/delivery-writer.ts'
import { writeQueueFields } from '../log/format/queue-fields.ts'
import { HAS_KEY, HAS_QUEUE_FIELDS, RECORD_HEADER_BYTES } from '../log/format/record.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { SentAnswer, SentSettlement } from '../thread/thread-link.ts'
import type { TurnTaker } from '../thread/turn-taker.ts'
import { claimEntries, deliveryPlace } from '../wire/delivery-places.ts'
import {
  QUEUE_SLOT_BACKLOG,
  QUEUE_SLOT_CLAIMS,
  QUEUE_SLOT_PREFETCH,
  QUEUE_SLOT_STACK,
  SLOT_ACTIVE,
  SLOT_HANDLED,
  THREAD_BYTES,
  THREAD_RUNNING,
} from '../wire/layout.ts'
import type { Assignment } from '../wire/places.ts'
import { consumerSlotBytes } from '../wire/queue-places.ts'

const RING_CAPACITY = 8_192
export const QUEUE_ID = 7
export const CURSOR = 12

const head: DeliveryHead = { offset: 0, deliveryAttempt: 1, failedAttempts: 0, flags: 0, cohort: 0, timestamp: 1_000 }

export interface Sent {
  readonly value: unknown
  readonly key?: string
  readonly priority?: number
  /** It is a request of client 7, whose number is its value, and whose deadline this is in `nowMs`. */
  readonly deadlineMs?: number
  readonly head?: Partial<DeliveryHead>
}

/** A record's bytes, with a timestamp that is 5 ms behind that of its frame. */
function recordOf({ value, key = '', deadlineMs, ...rest }: Sent): Buffer {
  const priority = rest.priority ?? (deadlineMs === undefined ? undefined : 0)
  const text = Buffer.from(typeof value === 'string' && value.startsWith('{bad') ? value : JSON.stringify(value))
  const record = Buffer.alloc(RECORD_HEADER_BYTES + 48 + key.length + text.length)
  let at = RECORD_HEADER_BYTES
  if (priority !== undefined) {
    const none = { notBefore: null, expiresAt: null, reply: null, deadline: null, transaction: null, id: null }
    const asks =
      deadlineMs === undefined ? none : { ...none, reply: { client: 7, request: Number(value) }, deadline: deadlineMs }
    at = writeQueueFields(record, at, { priority, keyHash: 0, ...asks })
  }
  at += record.write(key, at)
  at += text.copy(record, at)
  record.writeUInt32LE(at, 0)
  record.writeUInt16LE((key === '' ? 0 : HAS_KEY) | (priority === undefined ? 0 : HAS_QUEUE_FIELDS), 6)
  record.writeInt32LE(5, 8)
  record.writeUInt32LE(key.length, 12)
  return record.subarray(0, at)
}

export type PlayedThread = Pick<
  AttachedThread,
  'memory' | 'address' | 'phase' | 'wake' | 'settle' | 'reply' | 'askHost' | 'tellHost' | 'reports'
>

export class PlayedQueue {
  readonly assignment: Assignment
  readonly thread: PlayedThread
  /** What was said through the link. */
  readonly settlements: SentSettlement[] = []
  readonly answers: SentAnswer[] = []
  /** Settlements for which the link has room. */
  room: number = Number.POSITIVE_INFINITY
  /** How often the host was asked to look. */
  asked = 0
  told = 0
  /** Called for each confirmation that is asked for. */
  confirm: () => Promise<void> = async () => undefined
  /** Has turns whenever the thread is woken. */
  taker: TurnTaker | null = null
  readonly #memory: Memory
  readonly #slot: number
  readonly #deliveries: DeliverySlot
  #offset = 0
  #isScheduled = false

  constructor(prefetch = 16) {
    const consumer = { queue: 3, entries: claimEntries(prefetch), ringCapacity: RING_CAPACITY, priority: 0, prefetch }
    this.#slot = THREAD_BYTES
    const memory = Memory.allocate(this.#slot + consumerSlotBytes(consumer))
    this.#memory = memory
    const { entries, ringCapacity } = consumer
    const at = deliveryPlace(1, this.#slot + QUEUE_SLOT_CLAIMS, entries, ringCapacity)
    this.#deliveries = new DeliverySlot(memory, at)
    const queue = {
      priorities: 1,
      maxMessages: 1,
      maxBytes: 1,
      onFull: 'wait',
      singleActive: false,
      messageTtlMs: 1,
      dedupeMs: 0,
      dedupeMaxIds: 0,
      keyConcurrency: 1,
      keyOrder: 'fifo',
      rate: null,
    } as const
    this.assignment = {
      cursor: CURSOR,
      epoch: 1,
      slot: this.#slot,
      thread: 0,
      confirms: false,
      consumer,
      committed: 0,
      pin: 0,
      highWatermark: 0,
      known: [],
      snapshot: null,
      topic: {
        id: QUEUE_ID,
        name: 'jobs',
        partitions: 1,
        codec: 'json',
        maxMessageBytes: 8_192,
        onFull: 'wait',
        durability: 'memory',
        queue,
        windowBytes: 65_536,
        log: null,
      },
      group: 'queue',
      place: { topic: QUEUE_ID, partition: 0, host: 2, window: { address: 0, capacity: 65_536 }, words: 0, log: null },
    }
    this.thread = {
      memory,
      address: 0,
      phase: () => undefined,
      wake: () => this.#schedule(),
      reply: (_host, answer) => {
        if (this.room <= 0) return false
        this.room--
        this.answers.push(answer)
        return true
      },
      settle: (_host, settlement) => {
        if (this.room <= 0) return false
        this.room--
        this.settlements.push(settlement)
        return true
      },
      askHost: () => void this.asked++,
      reports: {
        failRun: (_cursor, _epoch, error) => {
          throw error
        },
        keepSnapshot: async () => false,
        confirm: () => this.confirm(),
      },
      tellHost: () => void this.told++,
    }
  }

  #schedule(): void {
    if (this.#isScheduled || this.taker === null) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      this.turn()
    })
  }

  /** Turns until there is nothing to do. */
  turn(): void {
    const { taker } = this
    if (taker === null) return
    for (let count = 0; taker.turn(Number.POSITIVE_INFINITY) || taker.ready(); count++)
      if (count > 10_000) throw new Error('its turns never end')
  }

  /** Hands these out; returns their tags. */
  handOut(...sent: readonly (Sent | number)[]): number[] {
    const tags = sent.map(each => this.#handOut(typeof each === 'number' ? { value: each } : each))
    this.#deliveries.publish()
    return tags
  }

  #handOut(sent: Sent): number {
    const record = recordOf(sent)
    const slot = this.#deliveries
    const said = { ...head, offset: this.#offset++, ...sent.head }
    let before = 0
    for (; record.length - before > slot.bytesMax; before += slot.bytesMax) {
      if (!slot.sendPiece(said.offset, before, slot.bytesMax)) throw new Error('there is no room')
      this.#memory.u8.set(record.subarray(before, before + slot.bytesMax), slot.address)
    }
    const flags = said.flags | (before > 0 ? DELIVERY_JOINED : 0)
    const tag = slot.handOut({ ...said, flags }, record.length - before)
    if (tag === NOT_NOW) throw new Error('there is no room')
    this.#memory.u8.set(record.subarray(before), slot.address)
    return tag
  }

  /** Sends the first piece of a record, and no more. */
  sendPiece(): void {
    this.#deliveries.sendPiece(this.#offset, 0, 64)
    this.#deliveries.publish()
  }

  recall(tag: number): Standing {
    return this.#deliveries.recall(tag)
  }

  standing(tag: number): Standing {
    return this.#deliveries.standing(tag)
  }

  /** Ends that the host finds, in order, as `offset standing`; they are freed. */
  ended(): string[] {
    const ends: string[] = []
    this.#deliveries.ended({
      acked: (first, count) => {
        for (let tag = first; tag < first + count; tag++) ends.push(`${this.#deliveries.offsetOf(tag)} acked`)
        this.#deliveries.freeRun(first, count)
      },
      ended: (tag, offset, standing) => {
        ends.push(`${offset} ${standing}`)
        this.#deliveries.free(tag)
      },
    })
    return ends
  }

  /** Settlements so far, as `offset how`, or with the tags of a batch. */
  said(): string[] {
    return this.settlements.map(({ offset, how, error }) =>
      how === 'halved' ? `halved ${JSON.stringify(error)}` : `${offset} ${how}`,
    )
  }

  #word(at: number): number {
    return this.#memory.i32[at >> 2] as number
  }

  /** Tag of the message that a death is charged to. */
  get charged(): number {
    return this.#word(this.#slot + QUEUE_SLOT_STACK)
  }

  get wanted(): number {
    return this.#word(this.#slot + QUEUE_SLOT_PREFETCH)
  }

  get active(): number {
    return this.#word(this.#slot + SLOT_ACTIVE)
  }

  get handled(): number {
    return this.#word(this.#slot + SLOT_HANDLED)
  }

  /** 1: its slot is on the stack; -1: with several messages; 0: it is not. */
  get onStack(): number {
    return Math.sign(this.#word(THREAD_RUNNING))
  }

  /** All words of the consumer, to see whether they are written. */
  words(): Int32Array {
    return this.#memory.i32.slice(this.#slot >> 2, (this.#slot + consumerSlotBytes(this.consumer)) >> 2)
  }

  /** Messages or senders wait. */
  backlog(isThere: boolean): void {
    this.#memory.store(this.#slot + QUEUE_SLOT_BACKLOG, isThere ? 1 : 0)
  }

  get consumer(): { readonly entries: number; readonly ringCapacity: number } {
    return this.assignment.consumer as { readonly entries: number; readonly ringCapacity: number }
  }
}
