/** What the control thread asks of the groups of a host, of which some are work queues. The partition host's thread. */
import type { PartitionHostApi } from '../wire/host-calls.ts'
import type { GroupPlace } from '../wire/places.ts'
import type { QueueAsks } from '../wire/queue-asks.ts'
import type { Groups } from './groups.ts'
import type { IdleWaits } from './idle-waits.ts'
import type { LetterDepths } from './letter-depths.ts'
import type { Queues } from './queues.ts'

type GroupCalls = Pick<
  PartitionHostApi,
  | 'openGroup'
  | 'reopenGroup'
  | 'deleteGroup'
  | 'openSlot'
  | 'closeSlot'
  | 'seekGroup'
  | 'groupReports'
  | 'queueReport'
  | 'askQueue'
  | 'confirmQueue'
  | 'idle'
  | 'leaveIdle'
>

export function groupCalls(groups: Groups, queues: Queues, letters: LetterDepths, idle: IdleWaits): GroupCalls {
  const open = (place: GroupPlace): void => (place.queue === undefined ? groups.open(place) : queues.open(place))
  const close = (cursor: number): void => {
    groups.close(cursor)
    queues.close(cursor)
  }
  return {
    openGroup: open,
    reopenGroup: place => {
      close(place.cursor)
      open(place)
    },
    deleteGroup: cursor => (queues.find(cursor) === null ? groups.delete(cursor) : queues.close(cursor)),
    openSlot: slot => (slot.consumer === undefined ? groups.openSlot(slot) : queues.openSlot(slot)),
    closeSlot: (cursor, epoch, crash) => (queues.has(cursor) ? queues : groups).closeSlot(cursor, epoch, crash),
    queueReport: cursor => queues.report(cursor),
    askQueue: (cursor, ask, asked) => queues.ask(cursor, asks => call(asks, ask, asked)),
    confirmQueue: (queue, consumer) => queues.confirm(queue, consumer),
    seekGroup: (cursor, place) => groups.seek(cursor, place),
    groupReports: cursors =>
      cursors.flatMap(cursor => {
        const group = groups.find(cursor)
        // Also where its letters went before it was given another topic for them, or anybody joined it.
        return group === null ? [] : [{ ...group.report(), deadLetterDepth: letters.depthOf(cursor) }]
      }),
    leaveIdle: wait => idle.leave(wait),
    idle: (cursors, butLater, wait) =>
      idle.add(
        cursors.flatMap(cursor => groups.find(cursor) ?? queues.find(cursor) ?? []),
        butLater,
        wait,
      ),
  }
}

function call<K extends keyof QueueAsks>(
  asks: QueueAsks,
  ask: K,
  asked: Parameters<QueueAsks[K]>,
): ReturnType<QueueAsks[K]> {
  const answer: (...asked: Parameters<QueueAsks[K]>) => ReturnType<QueueAsks[K]> = asks[ask].bind(asks) as never
  return answer(...asked)
}
