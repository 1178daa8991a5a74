/**
 * The port of an engine: the parts of a broker that a topic needs. Types, and the function that opens a topic.
 *
 * The thread that opened the engine. An engine is a source and a sink of encoded records: it keeps them, hands them out
 * to members of groups, and knows the settled ones. Retries, failures and dead letters are above the port.
 *
 * Rules for all engines:
 * * At least once: an unsettled record comes again, to this member or another, also after the death of a process.
 * * One member has a partition at a time. Where records of a partition are in order, each member receives them in
 *   order.
 * * Nothing is without a bound: a member is handed `window` records and no more before it settles some.
 * * A settlement counts for records that its member was handed and still has. For any other record it changes nothing,
 *   and is refused.
 * * A lost connection is a failure that is reported; it is never a reason to keep records elsewhere.
 */
import { type Capabilities, checkWanted, type SeekKind, type WantedTopic } from './capabilities.ts'
import type { DeliveredRecord, EncodedRecord, Position } from './records.ts'

/** An engine: the broker behind the port. */
export interface Engine {
  /** Name of the engine in errors. */
  readonly name: string
  /** Claimed features of the engine. */
  readonly capabilities: Capabilities
  /**
   * Makes the topic, or opens the one of that name. `openTopic` has compared the wanted settings with `capabilities`.
   *
   * @throws MillraceError `MILL_INVALID_NAME`; `MILL_CONFIG_MISMATCH` when it exists with other settings; `MILL_CLOSED`
   */
  topic(name: string, wanted: WantedTopic): Promise<TopicPort>
  /** Lists the topics, sorted by name. */
  inspect(): Promise<readonly TopicSummary[]>
  /**
   * Accepts nothing new, and ends when published records are appended and members have left. It may be called twice.
   *
   * @throws MillraceError `MILL_TIMEOUT` when not all of that was done in time: the engine is closed then, too
   */
  close(timeoutMs: number): Promise<void>
}

/** A topic in the list of `inspect`. */
export interface TopicSummary {
  /** Name of the topic. */
  readonly name: string
  /** Number of partitions. */
  readonly partitions: number
}

/** A topic of an engine. */
export interface TopicPort {
  /** Name of the topic. */
  readonly name: string
  /**
   * Appends a batch, in order for each partition. Resolves when all of it has the topic's durability, with a position
   * for each record. The caller may reuse its bytes when the call returns. While the topic is full it waits.
   *
   * @throws MillraceError `MILL_TOO_LARGE`, `MILL_OUT_OF_RANGE` for one record, and then none is appended;
   *   `MILL_UNPUBLISHED` with the records that were not appended and those that may have been; `MILL_ABORTED`,
   *   `MILL_CLOSED`, `MILL_TOPIC_DELETED` where that ended all of it
   */
  publish(batch: readonly EncodedRecord[], signal?: AbortSignal): Promise<readonly Position[]>
  /** Resolves when every publish through this port has its answer. */
  flush(): Promise<void>
  /** A group. Its first member creates it, and `from` is its start. */
  group(name: string, from: 'earliest' | 'latest'): GroupPort
  /** Names of the known groups of the topic, sorted. */
  groups(): Promise<readonly string[]>
  /** Real settings of the topic. */
  stats(): Promise<TopicSettings>
  /** Deletes it with its records and groups. @throws MillraceError `MILL_GROUP_BUSY` while a group has a member */
  delete(): Promise<void>
}

/** Real settings of a topic, which may differ from the wanted ones. */
export interface TopicSettings {
  /** Number of partitions. */
  readonly partitions: number
  /** Durability of acknowledged records. */
  readonly durability: Capabilities['durability'][number]
  /** Bytes of key, value and headers of its largest record. */
  readonly messageBytesMax: number
  /** Age limit of records, in ms; null: none. */
  readonly retentionMs: number | null
  /** Size limit of each partition, in bytes; null: none. */
  readonly retentionBytes: number | null
}

/** A group of a topic. */
export interface GroupPort {
  /** Name of the group. */
  readonly name: string
  /** Resolves when the group is known, and a new one's beginning is settled. Records may come before that, but not during the call. */
  join(receiver: Receiver): Promise<Membership>
  /** Moves the group, by a position only in that record's partition. @throws MillraceError `MILL_GROUP_BUSY`, `MILL_UNSUPPORTED` */
  seek(to: SeekTarget): Promise<void>
  /** Records that are not settled. @throws MillraceError `MILL_UNSUPPORTED` */
  lag(): Promise<number>
  /** Deletes the position of the group. @throws MillraceError `MILL_GROUP_BUSY` */
  delete(): Promise<void>
}

/** Where a group is moved to. */
export type SeekTarget =
  | 'earliest'
  | 'latest'
  | {
      /** To the first record that is not older, in milliseconds since the epoch. */
      readonly timeMs: number
    }
  | {
      /** To this record. */
      readonly position: Position
      /** Partition of the record. */
      readonly partition: number
    }

/** The receiver of records, above the port. It is called on the thread that joined, and does not throw. */
export interface Receiver {
  /** Number of records that it may have been handed and not settled, 1 or more. */
  readonly window: number
  /** Receives one record. */
  take(record: DeliveredRecord): void
  /** The partition moved to another member: its unsettled records come to that one. */
  revoked(partition: number): void
  /** Called when no record comes any more, because the engine or the group failed, or the engine was closed. */
  failed(error: Error): void
}

/** A member of a group. */
export interface Membership {
  /**
   * Settles records that this member was handed, by the same objects: they do not come again. Where the engine settles
   * cumulatively, all records before them in their partitions are settled as well. Resolves when the engine has it.
   * Records settled in the last moments before the death of a process may come again.
   *
   * @throws MillraceError `MILL_SETTLED` when one of them is not this member's any more: the others are settled;
   *   `MILL_CLOSED`
   */
  settle(records: readonly DeliveredRecord[]): Promise<void>
  /** Leaves the group: unsettled records come to the next member with the partitions. It may be called twice. */
  leave(): Promise<void>
}

/**
 * Opens a topic of an engine that can do what is asked.
 *
 * @throws MillraceError `MILL_UNSUPPORTED` before the engine is called, and errors of `Engine.topic`
 */
export async function openTopic(engine: Engine, name: string, wanted: WantedTopic = {}): Promise<TopicPort> {
  checkWanted(engine.name, engine.capabilities, name, wanted)
  return engine.topic(name, wanted)
}

/** The capability that a target of `seek` needs. */
export function seekKind(to: SeekTarget): SeekKind {
  if (typeof to === 'string') return to
  return 'timeMs' in to ? 'time' : 'position'
}
