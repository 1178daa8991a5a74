/**
 * The group `routes`: how many flights were there from where to where?
 *
 * Runs on the main thread, beside the publisher, as an Observable: each ack returns one credit of its window, so that
 * no more than a window of records is ever waiting here.
 */
import type { Group } from 'millrace'
import { BehaviorSubject, filter, firstValueFrom, scan, tap } from 'rxjs'
import type { Flight } from './topics.ts'

export interface RouteCounts {
  /** Flights by route, such as `LAX-SFO`. */
  readonly flightsByRoute: ReadonlyMap<string, number>
  /** Resolves when this many flights were counted; rejects if the group fails. */
  counted(flights: number): Promise<void>
  stop(): void
}

export function countRoutes(group: Group<Flight>): RouteCounts {
  const flightsByRoute = new Map<string, number>()
  const counted = new BehaviorSubject(0)
  const subscription = group
    .observe()
    .pipe(
      tap(delivery => {
        const route = `${delivery.key}-${delivery.value.destination}`
        flightsByRoute.set(route, (flightsByRoute.get(route) ?? 0) + 1)
        delivery.ack()
      }),
      scan(count => count + 1, 0),
    )
    .subscribe(counted)
  return {
    flightsByRoute,
    counted: async flights => {
      await firstValueFrom(counted.pipe(filter(count => count >= flights)))
    },
    stop: () => subscription.unsubscribe(),
  }
}
