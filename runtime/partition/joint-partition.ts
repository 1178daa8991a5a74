/** A partition as one of several that take frames together (joints.ts). Types only; the partition host's thread. */
import type { StoreEntry } from '../log/store/log-store-types.ts'
import type { IncomingRing } from './incoming-ring.ts'

/** A partition as one of several. */
export interface JointPartition {
  readonly terms: { readonly refuses: boolean; readonly drops: boolean }
  readonly isOnDisk: boolean
  /** Whether it could not take a frame for want of room. */
  full: boolean
  /** What each frame is answered with since its disk has failed; null: it has not. */
  readonly failure: number | null
  /** Whether it can take or refuse frames now. */
  readonly isFree: boolean
  /** Whether it may have room now where it had none. */
  readonly mayHaveRoom: boolean
  /** What was taken leaves room for more in one append. */
  readonly mayTakeMore: boolean
  begin(ring: IncomingRing): void
  /** Takes the frame behind the note at the head; false: there is no room, and nothing has changed. */
  takeNext(ring: IncomingRing): boolean
  /** The frame taken last is not; its note is at this position. */
  takeBack(ring: IncomingRing, head: number): void
  /** Nothing was taken. */
  giveUpJoint(): void
  /** What is to be on disk before the commit. */
  entry(): StoreEntry | null
  /** Writes that at once; false: the disk has failed. */
  write(entry: StoreEntry): boolean
  commitEnd(): void
  answer(): void
  failStaged(failure: number): void
  /** Answers the frame behind the note at the head with this. */
  refuse(ring: IncomingRing, status: number): void
  woken(isAppended: boolean): void
}

export interface JointMember {
  readonly ring: IncomingRing
  readonly partition: JointPartition
  /** Of a leading ring: the partition that has no room for the joint at its head; null: not known of any. */
  heldBy: JointPartition | null
}

/** What partitions have taken together, and is to be on disk first. */
export interface StagedJoint {
  readonly entries: readonly StoreEntry[]
  committed(): void
  failed(status: number): void
}
