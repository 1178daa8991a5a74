/** How the messages of queues have ended, as far as a history tells. Pure. */
import { type HistoryEvent, placeOf } from './history.ts'

/** How a message has ended, as far as its consumers and letters say. */
export interface Ends {
  readonly handled: ReadonlySet<string>
  readonly begun: ReadonlySet<string>
  readonly letters: ReadonlySet<string>
}

export function endsOf(events: readonly HistoryEvent[]): Ends {
  const handled = new Set<string>()
  const begun = new Set<string>()
  const letters = new Set<string>()
  for (const event of events) {
    if (event.kind === 'settled' && event.how === 'handled') handled.add(placeOf(event))
    if (event.kind === 'delivered') begun.add(placeOf(event))
    if (event.kind === 'letter') letters.add(placeOf(event.source))
  }
  return { handled, begun, letters }
}
