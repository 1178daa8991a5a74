/** What the control thread asks of the groups of a host. The partition host's thread. */
import type { PartitionHostApi } from '../wire/host-calls.ts'
import type { Groups } from './groups.ts'
import type { IdleWaits } from './idle-waits.ts'
import type { LetterDepths } from './letter-depths.ts'

type GroupCalls = Pick<
  PartitionHostApi,
  'openGroup' | 'reopenGroup' | 'deleteGroup' | 'openSlot' | 'closeSlot' | 'seekGroup' | 'groupReports' | 'idle'
>

export function groupCalls(groups: Groups, letters: LetterDepths, idle: IdleWaits): GroupCalls {
  return {
    openGroup: place => groups.open(place),
    reopenGroup: place => {
      groups.close(place.cursor)
      groups.open(place)
    },
    deleteGroup: cursor => groups.delete(cursor),
    openSlot: slot => groups.openSlot(slot),
    closeSlot: (cursor, epoch, crash) => groups.closeSlot(cursor, epoch, crash),
    seekGroup: (cursor, place) => groups.seek(cursor, place),
    groupReports: cursors =>
      cursors.flatMap(cursor => {
        const group = groups.find(cursor)
        // Also where its letters went before it was given another topic for them, or anybody joined it.
        return group === null ? [] : [{ ...group.report(), deadLetterDepth: letters.depthOf(cursor) }]
      }),
    idle: cursors => idle.add(cursors.flatMap(cursor => groups.find(cursor) ?? [])),
  }
}
