/**
 * A group that is opened for the first time in this process: what its block says of it, from what was kept of it elsewhere.
 *
 * The partition host's thread. What is to be said is worked out in reopened-group.ts.
 */
import type { Instant } from '../base/clock.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import type { GroupPlace } from '../wire/places.ts'
import type { GroupBlock } from './group-block.ts'
import type { GroupGate } from './group-gate.ts'
import type { GroupState } from './group-state.ts'
import { type PassedOver, reopened } from './reopened-group.ts'

/** `letters`: low words of the offsets that have their letters. Returns what is passed over now; null: nothing is, or it is known. */
export function openBlock(
  block: GroupBlock,
  gate: GroupGate,
  place: GroupPlace,
  { logStartOffset, highWatermark }: PartitionActor,
  kept: GroupState | undefined,
  letters: ReadonlySet<number>,
  now: Instant,
): PassedOver | null {
  const earliest = place.from === 'earliest'
  gate.begin(earliest)
  const first = place.snapshotOffset ?? (earliest ? logStartOffset : highWatermark)
  const reopening = reopened(kept, letters, { highWatermark, first }, now)
  const { committed, skipped, passedOver, deadLettered, failed, failures } = reopening
  block.passedOver = passedOver
  block.committed = committed
  block.skipped = skipped
  block.count(deadLettered, failed)
  for (const failure of failures) block.keep(failure)
  block.markOpened()
  return reopening.gap
}
