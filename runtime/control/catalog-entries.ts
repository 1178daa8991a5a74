/** What the catalog knows of each thread, ring, topic and group. The control thread. */

import type { GroupSpec } from '../wire/control-calls.ts'
import type { LetterIndexPlace } from '../wire/host-calls.ts'
import type { ThreadPlace } from '../wire/link-places.ts'
import type { GroupPlace, PartitionPlace, SlotPlace, TopicShape } from '../wire/places.ts'
import type { RingPlace } from '../wire/producer-places.ts'
import type { GroupName } from './broker-directory.ts'

export interface ThreadEntry {
  readonly place: ThreadPlace
  readonly blocks: readonly number[]
  /** Hosts that have not yet drained what it left behind; null while its thread lives. */
  leaving: Set<number> | null
  /** Its thread has ended, so what it could write to may be freed. */
  readonly slots: number[]
  /** Topics that it has read. */
  readonly reads: Set<number>
}

export interface RingEntry {
  readonly place: RingPlace
  readonly topic: number
  readonly thread: number
  /** Of a named producer; null: of the thread. */
  readonly producer: number | null
  after: number
}

export interface TopicEntry {
  /** As callers are told; it changes when partitions have been added. */
  shape: TopicShape
  /** Of partitions that are being added as well. */
  places: readonly PartitionPlace[]
  /** By partition, once it takes dead letters; empty before. */
  letterIndexes: readonly LetterIndexPlace[]
  /** Topics that its dead letters came from so far. */
  readonly deadLettersOf: Set<number>
  /** The group for whose dead letters it was made, while nobody else uses it: then it goes when that goes, if no letter is left. */
  madeFor: GroupName | null
}

export interface GroupEntry {
  readonly spec: GroupSpec
  readonly deadLetterTopic: number
  /** By partition, as those of its topic. */
  places: readonly GroupPlace[]
  /** Whether someone has joined it in this process, and so set its options; null: it is as the folder has it. */
  readonly joined: boolean | null
  /** Open slots by partition; those of a queue by their consumer's number. */
  readonly slots: Map<number, SlotPlace>
}

/**
 * The partitions that a topic has, or of those that a group of it reads: none that are being added, which hosts may not know yet,
 * and which may come to nothing.
 */
export function settledOf<P extends PartitionPlace | GroupPlace>(
  { shape }: TopicEntry,
  places: readonly P[],
): readonly P[] {
  return places.slice(0, shape.partitions)
}
