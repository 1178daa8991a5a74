/**
 * The port of an engine: what a topic needs of a broker, and no more. Types, and the way to open a topic.
 *
 * The thread that opened the engine. An engine is a source and a sink of encoded records: it keeps them, hands them out to
 * members of groups, and knows what of them is settled. What fails is tried again, given up or dead-lettered above the port.
 *
 * Rules for all engines:
 * * At least once: a record that is not settled comes again, to this member or another, also after the death of a process.
 * * One member has a partition at a time. Where records of a partition are in order, they are so for each member.
 * * Nothing is without a bound: a member is handed `window` records and no more before it settles some.
 * * A settlement counts for what its member was handed and still has. Of anything else it changes nothing, and is refused.
 * * A lost connection is a failure that is told; it is never a reason to keep records elsewhere.
 */
import { type Capabilities, checkWanted, type SeekKind, type WantedTopic } from './capabilities.ts'
import type { DeliveredRecord, EncodedRecord, Position } from './records.ts'

export interface Engine {
  readonly name: string
  readonly capabilities: Capabilities
  /**
   * Makes the topic, or opens the one of that name. What is asked has been compared with `capabilities` (`openTopic`).
   *
   * @throws MillraceError `MILL_INVALID_NAME`; `MILL_CONFIG_MISMATCH` when it exists with other settings; `MILL_CLOSED`
   */
  topic(name: string, wanted: WantedTopic): Promise<TopicPort>
  /** What there is, sorted by name. */
  inspect(): Promise<readonly TopicSummary[]>
  /**
   * Takes nothing new, and ends when what was published is there and members have left. It may be called twice.
   *
   * @throws MillraceError `MILL_TIMEOUT` when not all of that was done in time: the engine is closed then, too
   */
  close(timeoutMs: number): Promise<void>
}

export interface TopicSummary {
  readonly name: string
  readonly partitions: number
}

export interface TopicPort {
  readonly name: string
  /**
   * Appends a batch, in order for each partition; resolves when all of it is as durable as the topic says, with a position for each
   * record. Bytes are the caller's again when the call returns. While the topic is full it waits.
   *
   * @throws MillraceError `MILL_TOO_LARGE`, `MILL_OUT_OF_RANGE` of one record, and then none is appended; `MILL_UNPUBLISHED` with what
   *   was not appended and what may have been; `MILL_ABORTED`, `MILL_CLOSED`, `MILL_TOPIC_DELETED` where that ended all of it
   */
  publish(batch: readonly EncodedRecord[], signal?: AbortSignal): Promise<readonly Position[]>
  /** Resolves when everything that was published through this port has its answer. */
  flush(): Promise<void>
  /** A group; it comes into being when the first member joins, and begins there as `from` says. */
  group(name: string, from: 'earliest' | 'latest'): GroupPort
  /** Names of the groups that it knows of the topic, sorted. */
  groups(): Promise<readonly string[]>
  stats(): Promise<TopicSettings>
  /** For good, with its records and groups. @throws MillraceError `MILL_GROUP_BUSY` while a group has a member */
  delete(): Promise<void>
}

/** What a topic was made with: what the engine does, and not what was asked. */
export interface TopicSettings {
  readonly partitions: number
  readonly durability: Capabilities['durability'][number]
  readonly messageBytesMax: number
  /** Null: none. */
  readonly retentionMs: number | null
  /** For each partition; null: none. */
  readonly retentionBytes: number | null
}

export interface GroupPort {
  readonly name: string
  /** Resolves when the group is known, and a new one's beginning is settled. Records may come before that, but not during the call. */
  join(receiver: Receiver): Promise<Membership>
  /** Moves the group, by a position only in that record's partition. @throws MillraceError `MILL_GROUP_BUSY`, `MILL_UNSUPPORTED` */
  seek(to: SeekTarget): Promise<void>
  /** Records that are not settled. @throws MillraceError `MILL_UNSUPPORTED` */
  lag(): Promise<number>
  /** Forgets how far it is. @throws MillraceError `MILL_GROUP_BUSY` */
  delete(): Promise<void>
}

/** `timeMs`: to the first record that is not older, in milliseconds since the epoch. `position`: to that record. */
export type SeekTarget =
  | 'earliest'
  | 'latest'
  | { readonly timeMs: number }
  | { readonly position: Position; readonly partition: number }

/** Who takes records in: above the port. It is called on the thread that joined, and does not throw. */
export interface Receiver {
  /** Records that it may have been handed and not settled, 1 or more. */
  readonly window: number
  take(record: DeliveredRecord): void
  /** The partition is another member's: what of it is not settled comes to that one. */
  revoked(partition: number): void
  /** Nothing comes any more, because the engine or the group failed, or the engine was closed. */
  failed(error: Error): void
}

export interface Membership {
  /**
   * Settles records that this member was handed, the very objects: they do not come again. Where the engine settles cumulatively, all before them
   * in their partitions are settled as well. Resolves when the engine has it; what the last moments before the death of a process
   * settled may come again.
   *
   * @throws MillraceError `MILL_SETTLED` when one of them is not this member's any more: the others are settled; `MILL_CLOSED`
   */
  settle(records: readonly DeliveredRecord[]): Promise<void>
  /** Leaves the group: what is not settled comes to whoever has the partitions next. It may be called twice. */
  leave(): Promise<void>
}

/**
 * Opens a topic of an engine that can do what is asked.
 *
 * @throws MillraceError `MILL_UNSUPPORTED` before the engine is asked, and what `Engine.topic` throws
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
