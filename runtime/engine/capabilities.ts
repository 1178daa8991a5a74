/**
 * The capabilities of an engine, as data, and the needs of a program: they are compared when a topic is opened. Pure;
 * any thread.
 *
 * An engine claims a capability or lacks it. Nothing is emulated silently, and an unclaimed setting is refused before
 * anything is published. The conformance suite tests each claim.
 */
import { MillraceError } from '../words/errors.ts'
import type { Durability } from '../words/message.ts'

/** Kind of position that a group may be moved to. */
export type SeekKind = 'earliest' | 'latest' | 'time' | 'position'

/** Plain data, which may be cloned. */
export interface Capabilities {
  /** `key`: records of equal keys are handed out in the order in which they were published; `none`: in any. */
  readonly order: 'key' | 'none'
  /**
   * `individual`: a settled record is settled by itself, whatever came before it. `cumulative`: settling a record
   * settles all before it in its partition as well, so the layer above settles in order.
   */
  readonly settlement: 'individual' | 'cumulative'
  /** Durability levels of acknowledged records; the first one is the default. */
  readonly durability: readonly Durability[]
  /** Partitions that a topic may have, at most; 1: it has none to speak of. */
  readonly partitionsMax: number
  /** Bytes of key, value and headers of a record, at most. */
  readonly messageBytesMax: number
  /** Kinds of position that a group without a member may be moved to. */
  readonly seek: readonly SeekKind[]
  /** Limits by which old records may be removed. */
  readonly retention: readonly ('time' | 'bytes')[]
  /** Whether it says how many records a group has not settled. */
  readonly lag: boolean
  /** Whether it counts how often a group's members were handed a record. */
  readonly redelivered: boolean
}

/** Needs of a program for the groups of a topic. */
export interface TopicNeeds {
  /** Order of records with equal keys. */
  readonly order?: 'key' | undefined
  /** Settlement of single records. */
  readonly settlement?: 'individual' | undefined
  /** Kinds of position to move groups to. */
  readonly seek?: readonly SeekKind[] | undefined
  /** Number of unsettled records. */
  readonly lag?: true | undefined
  /** Number of earlier hand-outs of a record. */
  readonly redelivered?: true | undefined
}

/** Wanted settings of a topic. An omitted setting is the engine's choice, or that of the existing topic. */
export interface WantedTopic {
  /** Number of partitions. */
  readonly partitions?: number | undefined
  /** Durability of acknowledged records. */
  readonly durability?: Durability | undefined
  /** Bytes of key, value and headers of its largest record. */
  readonly messageBytesMax?: number | undefined
  /** Age limit of records, in ms. */
  readonly retentionMs?: number | undefined
  /** Size limit of each partition, in bytes. */
  readonly retentionBytes?: number | undefined
  /** Needs for the groups of the topic. */
  readonly needs?: TopicNeeds | undefined
}

/** @throws MillraceError `MILL_UNSUPPORTED`, naming the engine, the unclaimed setting and the claimed ones */
export function checkWanted(engine: string, has: Capabilities, topic: string, wanted: WantedTopic): void {
  const { partitions, durability, messageBytesMax, retentionMs, retentionBytes, needs = {} } = wanted
  const refuse = (asked: string, instead: string): never => {
    throw unsupported(`engine ${engine} cannot give topic ${topic} ${asked}: ${instead}`)
  }
  if (partitions !== undefined && partitions > has.partitionsMax)
    refuse(`${partitions} partitions`, `ask for ${has.partitionsMax} or fewer`)
  if (durability !== undefined && !has.durability.includes(durability))
    refuse(`the durability '${durability}'`, `it has ${listed(has.durability)}`)
  if (messageBytesMax !== undefined && messageBytesMax > has.messageBytesMax)
    refuse(
      `messages of ${messageBytesMax} bytes`,
      `its largest have ${has.messageBytesMax}; store such payloads elsewhere`,
    )
  if (retentionMs !== undefined && !has.retention.includes('time'))
    refuse('retention by time', 'leave `retentionMs` out, or choose another engine')
  if (retentionBytes !== undefined && !has.retention.includes('bytes'))
    refuse('retention by bytes', 'leave `retentionBytes` out, or choose another engine')
  if (needs.order === 'key' && has.order !== 'key')
    refuse('order of keys', 'its records come in any order; choose another engine, or do without')
  if (needs.settlement === 'individual' && has.settlement !== 'individual')
    refuse('settlement of single records', 'it settles all before a record as well; settle in order')
  for (const kind of needs.seek ?? [])
    if (!has.seek.includes(kind)) refuse(`seek to ${kind}`, `it has ${listed(has.seek)}`)
  if (needs.lag === true && !has.lag) refuse('the lag of its groups', 'it does not know that')
  if (needs.redelivered === true && !has.redelivered) refuse('a count of hand-outs', 'it does not keep one')
}

/** Checks a `seek` of an engine. @throws MillraceError `MILL_UNSUPPORTED` */
export function checkSeek(engine: string, has: Capabilities, kind: SeekKind): void {
  if (!has.seek.includes(kind))
    throw unsupported(`engine ${engine} cannot move a group to ${kind}: it has ${listed(has.seek)}`)
}

function unsupported(message: string): MillraceError {
  return new MillraceError('MILL_UNSUPPORTED', message)
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ')
}
