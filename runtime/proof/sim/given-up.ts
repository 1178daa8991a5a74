/**
 * How many records a group has given up, as far as its consumers know: those that have failed for the last time.
 *
 * Pure. Consumers that were told to end do not count: what became of what they had in hand they do not know.
 */
import { type HistoryEvent, placeOf } from '../history/history.ts'
import type { GroupPlan } from './plan.ts'

/** `untilMs`: so long ago, or longer; the times are those of the deliveries. `isStored`: the topic outlives its process. */
export function givenUp(
  events: readonly HistoryEvent[],
  { name, attempts }: Pick<GroupPlan, 'name' | 'attempts'>,
  untilMs: number,
  isStored: boolean,
): number {
  const ended = new Set<string>()
  for (const event of events) if (event.kind === 'ended') ended.add(event.consumer)
  const failedBefore = new Map<string, number>()
  const given = new Set<string>()
  for (const event of events) {
    if (event.kind === 'died' && !isStored) {
      given.clear()
      failedBefore.clear()
    }
    if (event.kind !== 'delivered' && event.kind !== 'settled') continue
    if (event.group !== name) continue
    const place = placeOf(event)
    if (event.kind === 'delivered') {
      // It was not given up, then.
      given.delete(place)
      failedBefore.set(place, event.failedAttempts)
    } else if (event.how !== 'handled' && event.how !== 'released' && !ended.has(event.consumer)) {
      const isLast = event.how !== 'failed' || (failedBefore.get(place) ?? 0) + 1 >= attempts
      if (isLast && (event.atMs ?? 0) <= untilMs) given.add(place)
    }
  }
  return given.size
}
