/**
 * Seeks whose process was killed before it wrote down where they led: the next process says that, as what is committed.
 *
 * Pure. A seek that was told of as `seeking`, and not as `sought` in the same life, may have moved all partitions or none.
 */
import type { FuzzEvent } from './events.ts'

/** The same events, with a `sought` of all partitions before what is committed first in the life after. */
export function withUnfinishedSeeks(events: readonly FuzzEvent[]): readonly FuzzEvent[] {
  const seeking = new Set<string>()
  const unfinished = new Set<string>()
  return events.flatMap((event): readonly FuzzEvent[] => {
    if (event.e === 'seeking' && !event.failed) seeking.add(event.group)
    else if (event.e === 'seeking' || event.e === 'sought') seeking.delete(event.group)
    else if (event.e === 'killed') {
      for (const group of seeking) unfinished.add(group)
      seeking.clear()
    } else if (event.e === 'committed' && unfinished.delete(event.group)) {
      const { group, committed } = event
      return [{ e: 'sought', group, committed, moved: [...committed.keys()] }, event]
    }
    return [event]
  })
}
