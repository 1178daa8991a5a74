/** How the messages of queues have ended, as far as a history tells. Pure. */
import { type History, type HistoryEvent, placeOf } from './history.ts'

/** How a message has ended, as far as its consumers and letters say. */
export interface Ends {
  readonly handled: ReadonlySet<string>
  readonly begun: ReadonlySet<string>
  readonly letters: ReadonlySet<string>
  /** Of those that no loss of power has taken. */
  readonly kept: ReadonlySet<string>
}

/**
 * After which event of a history dead letters of a queue are there for good: at `os` a loss of power may take those of before, though their
 * messages are settled.
 */
export function lettersStaySince({ events, stored }: History, queue: string): number {
  if (stored?.get(queue)?.durability !== 'os') return -1
  return events.findLastIndex(event => event.kind === 'died' && event.how === 'power')
}

export function endsOf(events: readonly HistoryEvent[]): Ends {
  const handled = new Set<string>()
  const begun = new Set<string>()
  const letters = new Set<string>()
  const kept = new Set<string>()
  for (const event of events) {
    if (event.kind === 'settled' && event.how === 'handled') handled.add(placeOf(event))
    if (event.kind === 'delivered') begun.add(placeOf(event))
    if (event.kind === 'letter') letters.add(placeOf(event.source))
    if (event.kind === 'letter' && event.isLost !== true) kept.add(placeOf(event.source))
  }
  return { handled, begun, letters, kept }
}
