/**
 * How often each delay occurred at one airport. Delays are whole minutes, so the figures made from it are exact.
 *
 * Bound: one entry per distinct delay, some hundreds.
 */
import type { AirportDelays } from './topics.ts'

/** Flights by their delay in minutes. */
export type DelayHistogram = Map<number, number>

/** A flight counts as late from 16 minutes on. */
export const ON_TIME_MAX_MIN = 15

export function addDelay(histogram: DelayHistogram, delay: number): void {
  histogram.set(delay, (histogram.get(delay) ?? 0) + 1)
}

/** All figures of an airport with at least one flight. */
export function summarise(histogram: DelayHistogram): AirportDelays {
  let flights = 0
  let sumDelayMin = 0
  let lateFlights = 0
  for (const [delay, count] of histogram) {
    flights += count
    sumDelayMin += delay * count
    if (delay > ON_TIME_MAX_MIN) lateFlights += count
  }
  return {
    flights,
    sumDelayMin,
    meanDelayMin: sumDelayMin / flights,
    p95DelayMin: percentile(histogram, flights, 0.95),
    lateFlights,
    lateShare: lateFlights / flights,
  }
}

/** The smallest delay that at least `share` of the flights did not exceed (nearest rank). */
function percentile(histogram: DelayHistogram, flights: number, share: number): number {
  let left = Math.ceil(flights * share)
  for (const [delay, count] of [...histogram].sort(([a], [b]) => a - b)) {
    left -= count
    if (left <= 0) return delay
  }
  throw new RangeError('no flights')
}
