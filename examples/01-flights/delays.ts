/**
 * The handler of the group `delays`: how late do flights leave which airport?
 *
 * Runs on worker threads. Flights are keyed by origin, so all flights of an airport are in one partition and come in
 * order to one thread: plain Maps are enough, and no other thread has a part of the answer.
 */
import { defineHandler, type Handler, RejectError } from 'millrace'
import { addDelay, type DelayHistogram, summarise } from './delay-histogram.ts'
import { airportsTopic, type Flight, flightsTopic } from './topics.ts'

/** No flight is more than two hours early: such a row is a mistake in the data. */
export const POSSIBLE_DELAY_MIN = -120

/** One histogram per airport of the partition. */
type Airports = Map<string, DelayHistogram>

const delays: Handler<Flight, Airports, void> = defineHandler(flightsTopic, {
  start: (): Airports => new Map(),

  message({ key, value: { delay } }, airports) {
    if (delay < POSSIBLE_DELAY_MIN) throw new RejectError(`impossible delay of ${delay} minutes`)
    const origin = key ?? 'unknown'
    const histogram: DelayHistogram = airports.get(origin) ?? new Map()
    addDelay(histogram, delay)
    airports.set(origin, histogram)
  },

  // With a folder, what was counted is there again after a crash, and every flight counts once.
  snapshot: airports => [...airports].map(([origin, histogram]) => [origin, [...histogram]]),
  restore: (airports: readonly [string, readonly [number, number][]][]) =>
    new Map(airports.map(([origin, histogram]) => [origin, new Map(histogram)])),

  async stop(airports, context) {
    await Promise.all(
      [...airports].map(([key, histogram]) => context.publish(airportsTopic, { key, value: summarise(histogram) })),
    )
  },
})

export default delays
