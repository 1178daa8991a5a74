/**
 * What a work queue is made of, and where its parts are in shared memory. Any thread.
 *
 * A queue is a topic of one partition with one group, whose members each get messages of that partition. A consumer has a slot of its own:
 * words, claims and a ring of deliveries (delivery-places.ts).
 */
import type { Rate } from '../words/common-options.ts'
import type { CursorId } from '../words/quantities.ts'
import { MESSAGE_BYTES_BESIDE } from '../words/queue-bounds.ts'
import { deliverySlotBytes } from './delivery-places.ts'
import { QUEUE_BLOCK_BYTES, QUEUE_SLOT_CLAIMS } from './layout.ts'

/** How a queue treats its messages, beside the policy of its group. */
export interface QueueShape {
  /** Number of priorities, 1 to 32; higher goes first. */
  readonly priorities: number
  /** Messages that are not settled, at most; Infinity: as many as there is memory for. */
  readonly maxMessages: number
  /** Their bytes, MESSAGE_OVERHEAD of each included; Infinity: as many as there is memory for. */
  readonly maxBytes: number
  readonly onFull: 'wait' | 'reject' | 'dropHead'
  /** Whether one consumer at a time has the queue. */
  readonly singleActive: boolean
  /** How long an id of a message is known, in ms; 0: messages have none. */
  readonly dedupeMs: number
  /** Ids that are known, at most; in settings 0: the default. */
  readonly dedupeMaxIds: number
  /** Messages of one key that may be out at a time; Infinity: no limit. */
  readonly keyConcurrency: number
  readonly keyOrder: 'fifo' | 'fair'
  /** Hand-outs within a time; null: no limit. */
  readonly rate: Rate | null
  /** Of messages without a shorter one, in ms; Infinity: none. */
  readonly messageTtlMs: number
}

/** Bytes that a message counts beside key, value and headers. */
export const MESSAGE_OVERHEAD: number = MESSAGE_BYTES_BESIDE
/** Bytes of window for each message that a queue may have. */
const BYTES_A_MESSAGE = 64

/** Shared memory of a queue beside its window. */
export interface QueueMemory {
  /** Messages in the window, at most; a power of two. */
  readonly messages: number
}

export function queueMessages(windowBytes: number): number {
  return windowBytes / BYTES_A_MESSAGE
}

/** Bytes of the block of a queue, in which its host keeps what a successor is to know. */
export function queueBlockBytes(windowBytes: number): number {
  return idBlockAddress(0, queueMessages(windowBytes))
}

/** Bytes of what is known of a message that was updated (queue-actor/update-block.ts). */
const UPDATE_BYTES = 32
const UPDATES_MAX = 1_024
const UPDATES_MIN = 16
/** Messages that there is room for, for each that may be updated. */
const MESSAGES_AN_UPDATE = 64

/** Messages of a queue in memory that may be updated and not settled, one less; by how many there is room for. */
export function updateEntries(messages: number): number {
  return Math.min(UPDATES_MAX, Math.max(UPDATES_MIN, messages / MESSAGES_AN_UPDATE))
}

/** Where what is known of them is, in the block of a queue that has room for so many messages. */
export function updateBlockAddress(block: number, messages: number): number {
  return block + QUEUE_BLOCK_BYTES + 4 * messages
}

/** Bytes behind that of a queue in memory which knows ids, for their header and each of them (queue-actor/id-block.ts). */
export const ID_BLOCK_HEADER_BYTES = 64
const ID_BLOCK_ENTRY_BYTES = 32

export function idBlockBytes({ dedupeMs, dedupeMaxIds }: Pick<QueueShape, 'dedupeMs' | 'dedupeMaxIds'>): number {
  return dedupeMs > 0 ? ID_BLOCK_HEADER_BYTES + ID_BLOCK_ENTRY_BYTES * dedupeMaxIds : 0
}

/** Where that is, behind the block of a queue that has room for so many messages. */
export function idBlockAddress(block: number, messages: number): number {
  return updateBlockAddress(block, messages) + UPDATE_BYTES * updateEntries(messages)
}

/** The part of a slot that a queue's consumer has for its deliveries. */
export interface ConsumerShape {
  /** Number of the queue's group on its partition. */
  readonly queue: CursorId
  /** Of its claims. */
  readonly entries: number
  readonly ringCapacity: number
  /** Consumers of a lower priority get what those of a higher one have no room for. */
  readonly priority: number
  /** Deliveries that it may have unsettled, at most. It may ask for fewer (layout.ts). */
  readonly prefetch: number
}

export function consumerSlotBytes({ entries, ringCapacity }: Pick<ConsumerShape, 'entries' | 'ringCapacity'>): number {
  return QUEUE_SLOT_CLAIMS + deliverySlotBytes(entries, ringCapacity)
}
