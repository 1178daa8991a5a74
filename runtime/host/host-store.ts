/**
 * What one partition host has on disk: its logs, how far their groups are, what its queues have settled, and which dead letters are.
 *
 * The partition host's thread. A pass of the host has one group commit over all that took something (`commit`): written, as durable as
 * each topic says, then committed to their windows, then answered. Behind the frames is one record of what all queues have settled. Group
 * states are swept into a state log a moment after they changed (store-upkeep.ts); settled letters are written before that is answered.
 *
 * After a failed operation (store-guard.ts) every publish is answered with the failure; groups go on with what was committed before.
 */
import { join } from 'node:path'
import type { Instant } from '../base/clock.ts'
import { LetterStates } from '../dead-letters/letter-states.ts'
import type { GroupActor } from '../group/group-actor.ts'
import type { GroupState } from '../group/group-state.ts'
import { GroupStates } from '../group/group-states.ts'
import { type Disk, DiskError } from '../log/disk/disk.ts'
import type { FaultPoint } from '../log/store/fault-point.ts'
import { storedTopic } from '../log/store/log-place.ts'
import { LogStore } from '../log/store/log-store.ts'
import { Reclaiming } from '../log/store/reclaiming.ts'
import { SettledLog, settledPath } from '../log/store/settled-log.ts'
import type { SettledState } from '../log/store/settled-state.ts'
import { storeError } from '../log/store/store-errors.ts'
import type { OpenLog } from '../partition/host-disk.ts'
import { PartitionDisk } from '../partition/partition-disk.ts'
import type { Staged } from '../resident/resident.ts'
import type { CutTail } from '../wire/folder.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import type { PartitionPlace, StorePlace, TopicShape } from '../wire/places.ts'
import { StoreGuard } from './store-guard.ts'

/** What it needs of its host. */
export interface HostStoreUpcalls {
  readonly disk: Disk
  /** Told once. */
  failed(error: Error): void
  /** What was not whole when its file was opened. */
  cut(cuts: readonly CutTail[]): void
  /** Stops here for ever if a test has armed this point. */
  fault(point: number): void
  /** The disk is about to be waited for. */
  waits?(): void
}

export class HostStore {
  readonly states: GroupStates
  readonly letters: LetterStates
  readonly #settled: SettledLog
  readonly #reclaiming: Reclaiming
  readonly #disk: Disk
  readonly #logs: LogStore
  readonly #upcalls: HostStoreUpcalls
  readonly #guard: StoreGuard
  readonly queueScanBytes: number | undefined
  /** Called when states were written that a loss of power would take, after all were synced. */
  unsynced: () => void = () => undefined

  /** Opens what the host has, `partitions`, and recovers what a host before it left behind. @throws MillraceError MILL_DISK, MILL_CORRUPT */
  constructor(
    place: StorePlace,
    host: number,
    partitions: readonly { readonly place: PartitionPlace; readonly topic: TopicShape }[],
    upcalls: HostStoreUpcalls,
  ) {
    this.#upcalls = upcalls
    this.#disk = upcalls.disk
    this.queueScanBytes = place.queueScanBytes
    this.#guard = new StoreGuard(place.held, error => upcalls.failed(error))
    const fault = (point: FaultPoint): void => upcalls.fault(FAULT_POINT[point])
    const { journalBytes, settledCompactBytes: compactBytes } = place
    try {
      const known = partitions.flatMap(({ place: { partition }, topic }) =>
        topic.log === null ? [] : [{ topic: storedTopic(topic, topic.log), partition }],
      )
      this.#logs = LogStore.open(this.#disk, place.dir, host, place.logId, known, { journalBytes, fault })
      this.states = new GroupStates(this.#disk, join(place.dir, `host-${host}.groups`), place.logId)
      this.letters = new LetterStates(this.#disk, join(place.dir, `host-${host}.letters`), place.logId)
      this.#settled = SettledLog.open(this.#disk, settledPath(place.dir, host), place.logId, { fault, compactBytes })
      this.#reclaiming = new Reclaiming(this.#disk, this.#logs, this.#settled)
      const torn = [this.states.torn, this.letters.torn, this.#settled.torn].filter(cut => cut !== null)
      upcalls.cut([...this.#logs.cuts, ...torn])
    } catch (error) {
      throw storeError(error)
    }
  }

  /** The log of a partition, opened or made; null: its topic is in memory only. */
  open({ partition, log }: PartitionPlace, topic: TopicShape): PartitionDisk | null {
    if (topic.log === null || log === null) return null
    try {
      this.#guard.checkHeld()
      const stored = this.#logs.partition(storedTopic(topic, topic.log), partition)
      this.#upcalls.cut(stored.cuts)
      return new PartitionDisk(this, this.#disk, this.#logs, stored, log.words)
    } catch (error) {
      throw storeError(error)
    }
  }

  /**
   * Nothing was appended yet to a log that was opened: what its groups are said to know of records beyond its end is
   * forgotten before other records come to have those offsets.
   *
   * @throws MillraceError MILL_DISK
   */
  cutGroups(cursors: readonly number[], end: number): void {
    if (!this.attempt(() => this.states.cut(cursors, end))) throw this.error
  }

  /**
   * What was kept of a group that is opened. A loss of power may have taken letters that it had counted, and new ones come to
   * have their offsets: from `lettersEnd` on, which may be before those, it looks for letters after any further loss.
   *
   * @throws MillraceError MILL_DISK
   */
  keptOf(cursor: number, lettersEnd: number): GroupState | undefined {
    const kept = this.states.get(cursor)
    if (kept === undefined || kept.letters <= lettersEnd) return kept
    if (!this.attempt(() => this.states.cutLetters(cursor, lettersEnd))) throw this.error
    return this.states.get(cursor)
  }

  /**
   * What is known of a queue that is opened, while nothing was appended to its log yet. What is committed later changes it.
   *
   * @throws MillraceError MILL_DISK; MILL_CORRUPT where messages are missing, which concerns no other queue
   */
  settledOf(topic: number, partition: number, { startOffset, endOffset }: OpenLog): SettledState {
    if (this.error !== null) throw this.error
    try {
      this.#guard.checkHeld()
      return this.#settled.opened(topic, partition, startOffset, endOffset)
    } catch (error) {
      if (error instanceof DiskError) this.fail(error)
      throw storeError(error)
    }
  }

  /** Makes what queues have settled so far survive a loss of power; false: the disk failed, now or before. */
  syncSettled(): boolean {
    return this.attempt(() => this.#settled.sync())
  }

  /** Closes the log of a partition whose topic could not be opened. */
  drop(topic: number, partition: number): void {
    this.attempt(() => this.#logs.drop(topic, partition))
  }

  /** Topic and members are no more: nothing is kept of them. Were it, it would be of numbers that are never given again. */
  forget(topic: number, partitions: readonly number[], cursors: readonly number[]): void {
    this.forgetPartitions(topic, partitions, cursors)
    this.attempt(() => this.letters.forget(topic))
  }

  /** The same for some partitions, and the members that read them. */
  forgetPartitions(topic: number, partitions: readonly number[], cursors: readonly number[]): void {
    this.attempt(() => {
      this.#logs.forget(topic, partitions)
      this.#settled.forget(topic, partitions)
      for (const cursor of cursors) this.states.forget(cursor)
    })
  }

  /** What receipts say of the failure; null: there was none. */
  get failure(): number | null {
    return this.#guard.failure
  }

  /** The same, for who is to be told. */
  get error(): Error | null {
    return this.#guard.error
  }

  /** Makes what was staged durable with one group commit, and says so to who staged it. */
  commit(staged: readonly Staged[]): void {
    const frames = staged.flatMap(one => one.frames)
    const together = staged.flatMap(one => (one.frames.length > 1 ? one.frames : []))
    const isDone = this.attempt(() => {
      if (frames.length > 0) this.#logs.append(frames, together)
      this.#settled.write(staged.flatMap(one => one.settled ?? []))
    })
    for (const one of staged) {
      if (isDone) one.committed()
      else one.failed(this.failure as number)
    }
  }

  /**
   * Lets readers of groups that deliver at most once go on: how far they may is as durable as their topics before they hear of it.
   * One write, and one sync, for all of them; whether there was something to do.
   */
  raiseCeilings(groups: Iterable<GroupActor>): boolean {
    const low: GroupActor[] = []
    for (const group of groups) if (group.isLow) low.push(group)
    if (low.length === 0) return false
    for (const group of low) group.raise()
    const isKept = this.attempt(() => this.#keep(low))
    this.#upcalls.fault(FAULT_POINT.ceilingWritten)
    for (const group of low) group.goOn(isKept)
    return true
  }

  /** Writes down how far groups are, as durable as their topics. @throws DiskError */
  #keep(groups: readonly GroupActor[]): void {
    this.states.write(groups)
    if (groups.some(({ partition }) => partition.topic.durability === 'fsync')) this.states.sync()
  }

  /**
   * A group was moved: once that is answered no loss of power undoes it, for its handler's state is forgotten next.
   *
   * @throws MillraceError MILL_DISK, where it could not be written down, now or because the disk has failed before
   */
  moved(group: GroupActor): void {
    if (!this.#keepDurably(group)) throw this.error
  }

  #keepDurably(group: GroupActor): boolean {
    return this.attempt(() => {
      this.states.write([group])
      this.states.sync()
    })
  }

  /** Does something on the disk; false: it failed, now or before. */
  attempt(act: () => void): boolean {
    this.#upcalls.waits?.()
    const wasSynced = this.isSynced
    const isDone = this.#guard.attempt(act)
    if (wasSynced && !this.isSynced) this.unsynced()
    return isDone
  }

  fail(met: unknown): void {
    this.#guard.fail(met)
  }

  /** Checkpoints, retention, and files that are due to be written anew; to be called often. */
  tendLogs({ nowMs, wallMs }: Instant): void {
    this.attempt(() => {
      this.#logs.tend(wallMs)
      this.#settled.tend()
      this.#reclaiming.tend(nowMs)
    })
  }

  /** Whether `tendLogs` is to be called again soon. */
  get isReclaiming(): boolean {
    return this.#reclaiming.isBusy
  }

  /** What was written of groups, queues and letters survives a loss of power from now on. */
  syncStates(): void {
    this.attempt(() => {
      this.states.sync()
      this.letters.sync()
      this.#settled.sync()
    })
  }

  /** Whether it does already. */
  get isSynced(): boolean {
    return this.states.isSynced && this.letters.isSynced && this.#settled.isSynced
  }

  /**
   * Writes down where a new group began: what the next process finds of its dead letters is counted from there. Of one that
   * is known nothing is written before its reader is there, who has more to say than its block. Only where it passes records
   * over, the process before was killed, and it has no reader yet: its next death must not pass over more because of that.
   * Durable at once is what a loss of power would make mean something else, when more was published since: that it began at
   * the end.
   */
  opened(group: GroupActor): void {
    const kept = this.states.get(group.place.cursor)
    if (kept === undefined && group.place.from === 'latest') this.#keepDurably(group)
    else if (kept === undefined || group.passedOver !== null) this.sweep([group])
  }

  /** Writes down how far groups are, where that has changed. */
  sweep(groups: Iterable<GroupActor>): void {
    this.attempt(() => this.states.write(groups))
    this.#upcalls.fault(FAULT_POINT.statesSwept)
  }

  /** Everything in good order, for an opening that has nothing to recover. @throws MillraceError MILL_DISK */
  close(groups: Iterable<GroupActor>): void {
    if (this.failure !== null) return
    try {
      this.#guard.checkHeld()
      this.states.write(groups)
      this.states.close()
      this.letters.close()
      this.#reclaiming.close()
      this.#settled.close()
      this.#logs.close()
    } catch (error) {
      throw storeError(error)
    }
  }
}
