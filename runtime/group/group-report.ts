/** What the control thread is told of one group on one partition. The partition host's thread; decides nothing. */

import type { PartitionActor } from '../partition/partition-actor.ts'
import type { GroupReport } from '../wire/reports.ts'
import type { CursorId, Offset, Position } from '../words/quantities.ts'
import type { GroupBlock } from './group-block.ts'
import type { CursorState } from './group-cursor.ts'

/** Where a group is, as its parts say. */
export interface ReportedGroup {
  readonly cursor: CursorId
  readonly partition: PartitionActor
  readonly block: GroupBlock
  readonly state: CursorState
  readonly committed: Offset
  /** Window position from which on it keeps bytes. */
  readonly pin: Position
  readonly deadLetterDepth: number
  readonly waitsForDeadLetters: boolean
}

export function groupReport(group: ReportedGroup): GroupReport {
  const { cursor, block, committed, pin, deadLetterDepth, waitsForDeadLetters } = group
  const { highWatermark, partition, window } = group.partition
  const { deadLettered, failed, failures } = group.state
  const deadAhead = [...failures.values()].filter(({ state, offset }) => state === 'dead' && offset >= committed).length
  return {
    cursor,
    partition,
    committed,
    highWatermark,
    lag: highWatermark - committed,
    processed: committed - block.skipped - (deadLettered - deadAhead),
    deadLettered,
    passedOver: block.passedOver,
    failures: failed,
    lagBytes: (window.end - pin) | 0,
    deadLetterDepth,
    waitsForDeadLetters,
  }
}
