/**
 * What a group knows of a partition when it is opened for the first time in a process: where it goes on, and which records
 * have failed or have their dead letters already.
 *
 * Pure. The state that was kept (group-states.ts) may be older than what happened: letters that were appended after it are
 * found in their topic, and their records are not handled again. It may also be younger than the log, where a loss of power
 * took records that were promised less: what is known of offsets at or above the end is of records that are no more. It is
 * forgotten when the log is opened (`withinLog`), and not when the group is: by then there may be others in their place.
 *
 * At most once the group goes on at its ceiling, as far as there are records: what lies below was handed out, or may have
 * been, and is passed over. Of those records only the failures and letters are known.
 *
 * Bound: FAILURES_MAX records. Letters that find no room (a loss of power may forget many) are remembered by offset only:
 * their records are handled again, and get no second letter (`lettersBeyond`).
 */

import type { Instant } from '../base/clock.ts'
import { nearestOffset } from '../log/format/frame.ts'
import { FAILURES_MAX } from '../wire/layout.ts'
import type { Offset } from '../words/quantities.ts'
import type { Failure } from './group-cursor.ts'
import type { GroupState } from './group-state.ts'
import { restoredFailure } from './stored-failure.ts'

/** Where a new group begins, in a partition as it is now. */
export interface OpenedPartition {
  readonly highWatermark: Offset
  /** Where a group begins of which nothing was kept. */
  readonly first: number
}

export interface ReopenedGroup extends Omit<GroupState, 'letters' | 'beyond' | 'ceiling' | 'failures'> {
  readonly failures: readonly Failure[]
  /** What is passed over now, from the first record whose handling was not over; null: its last process closed it. */
  readonly gap: PassedOver | null
}

export interface PassedOver {
  readonly from: number
  readonly to: number
  /** Of those, the ones of which nothing else is known. */
  readonly records: number
}

/**
 * The state of a handler is as of its snapshot, wherever its group is said to be. A loss of power can leave an older snapshot:
 * then any letter there is may be of a record that comes again.
 */
export function asOfSnapshot(kept: GroupState | undefined, offset: Offset | null): GroupState | undefined {
  if (kept === undefined || offset === null) return kept
  const letters = offset < kept.committed ? 0 : kept.letters
  return { ...kept, committed: offset, ceiling: offset, letters }
}

/**
 * What is still true of a group whose log ends there: what a loss of power took out of the log is no more, and other records
 * will have those offsets. The same object: all of it.
 */
export function withinLog(kept: GroupState, end: number): GroupState {
  const isThere = (offset: Offset): boolean => offset < end
  const { committed, ceiling, failures, beyond } = kept
  if (ceiling <= end && failures.every(({ offset }) => isThere(offset)) && beyond.every(isThere)) return kept
  return {
    ...kept,
    committed: Math.min(committed, end),
    ceiling: Math.min(ceiling, end),
    failures: failures.filter(({ offset }) => isThere(offset)),
    beyond: beyond.filter(isThere),
  }
}

/** `letters`: the low 32 bits of the offsets of records whose letters were appended since. */
export function reopened(
  kept: GroupState | undefined,
  letters: Iterable<number>,
  { highWatermark, first }: OpenedPartition,
  now: Instant,
): ReopenedGroup {
  const committed = Math.min(kept?.ceiling ?? first, highWatermark)
  const from = Math.min(kept?.committed ?? committed, committed)
  const failures = new Map<number, Failure>()
  for (const failure of kept?.failures ?? [])
    if (failure.offset < highWatermark) failures.set(failure.offset, restoredFailure(failure, now))
  let deadLettered = kept?.deadLettered ?? 0
  let told = [...failures.keys()].filter(offset => offset >= from && offset < committed).length
  // What is to be a letter may lie before: its reader has gone on.
  for (const offset of offsetsOf(letters, Math.min(from, ...failures.keys()), highWatermark)) {
    const known = failures.get(offset)
    if (known === undefined && offset < committed) {
      deadLettered++
      if (offset >= from) told++
      continue
    }
    if (known?.state === 'dead' || (known === undefined && failures.size >= FAILURES_MAX)) continue
    failures.set(offset, { ...(known ?? unknown(offset, now)), reason: known?.reason ?? 'failed', state: 'dead' })
    deadLettered++
  }
  const records = committed - from - told
  return {
    committed,
    gap: kept === undefined || kept.ceiling <= kept.committed ? null : { from, to: committed, records },
    passedOver: (kept?.passedOver ?? 0) + records,
    skipped: (kept?.skipped ?? committed) + records,
    deadLettered,
    failed: kept?.failed ?? 0,
    failures: [...failures.values()],
  }
}

/** Offsets from `committed` on, of records that have a letter and of which the group knows nothing. */
export function lettersBeyond(
  kept: GroupState | undefined,
  letters: Iterable<number>,
  committed: Offset,
  highWatermark: Offset,
  failures: { has(offset: Offset): boolean },
): Set<number> {
  const found = [...(kept?.beyond ?? []), ...offsetsOf(letters, committed, highWatermark)]
  return new Set(found.filter(offset => offset >= committed && offset < highWatermark && !failures.has(offset)))
}

function offsetsOf(letters: Iterable<number>, committed: Offset, highWatermark: Offset): number[] {
  return [...letters]
    .map(low => nearestOffset(committed, low))
    .filter(offset => offset >= committed && offset < highWatermark)
    .sort((a, b) => a - b)
}

function unknown(offset: Offset, { nowMs, wallMs }: Instant): Omit<Failure, 'reason' | 'state'> {
  const due = { notBeforeMs: nowMs, notBeforeWallMs: wallMs }
  return { offset, failedAttempts: 1, deliveryAttempt: 1, firstMs: wallMs, lastMs: wallMs, ...due }
}
