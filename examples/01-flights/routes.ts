/**
 * The group `routes`: how many flights were there from where to where?
 *
 * Runs on the main thread, beside the publisher, as an Observable: each ack returns one credit of its window, so that
 * no more than a window of records is ever waiting here. With a folder it is a handler, because a handler's counts are kept.
 */
import { defineHandler, type Group } from 'millrace'
import { BehaviorSubject, filter, firstValueFrom, map, tap } from 'rxjs'
import type { Flight } from './topics.ts'

export interface RouteCounts {
  /** Flights by route, such as `LAX-SFO`. */
  readonly flightsByRoute: ReadonlyMap<string, number>
  /** Resolves when this many flights were counted; rejects if the group fails. */
  counted(flights: number): Promise<void>
  stop(): Promise<void>
}

export function countRoutes(group: Group<Flight>): RouteCounts {
  const flightsByRoute = new Map<string, number>()
  let count = 0
  let expected = Number.POSITIVE_INFINITY
  const counted = new BehaviorSubject(false)
  const subscription = group
    .observe()
    .pipe(
      tap(delivery => {
        const route = `${delivery.key}-${delivery.value.destination}`
        flightsByRoute.set(route, (flightsByRoute.get(route) ?? 0) + 1)
        delivery.ack()
        count++
      }),
      // Whoever waits for the last flight need not hear of the others.
      filter(() => count === expected),
      map(() => true),
    )
    .subscribe(counted)
  return {
    flightsByRoute,
    counted: async flights => {
      expected = flights
      if (count < flights) await firstValueFrom(counted.pipe(filter(isReached => isReached)))
    },
    stop: async () => subscription.unsubscribe(),
  }
}

/** The same, and it goes on from what was counted in the folder before. */
export async function keepCountingRoutes(group: Group<Flight>): Promise<RouteCounts> {
  const run = await group.handle<void>(
    defineHandler<Flight, Map<string, number>, void>({
      start: () => new Map(),
      message({ key, value: { destination } }, routes) {
        const route = `${key}-${destination}`
        routes.set(route, (routes.get(route) ?? 0) + 1)
      },
      snapshot: routes => [...routes],
      restore: (routes: readonly [string, number][]) => new Map(routes),
      stop(routes) {
        for (const [route, flights] of routes) flightsByRoute.set(route, flights)
      },
    }),
  )
  const flightsByRoute = new Map<string, number>()
  return {
    flightsByRoute,
    counted: () => run.idle(),
    stop: async () => void (await run.stop()),
  }
}
