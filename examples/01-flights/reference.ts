/**
 * The same figures from a plain loop over the same rows: no broker, no threads. For tests.
 */
import { readFlights } from './flights.ts'

export interface Reference {
  readonly published: number
  readonly processed: number
  readonly deadLettered: number
  readonly sumDelayMin: number
  readonly lateFlights: number
  readonly airports: { readonly [code: string]: AirportReference }
}

export interface AirportReference {
  readonly flights: number
  readonly sumDelayMin: number
  readonly lateFlights: number
}

export async function reference(limit?: number): Promise<Reference> {
  const total = { published: 0, processed: 0, deadLettered: 0, sumDelayMin: 0, lateFlights: 0 }
  const airports: { [code: string]: { flights: number; sumDelayMin: number; lateFlights: number } } = {}
  for await (const rows of readFlights(limit)) {
    for (const { origin, delay } of rows) {
      total.published++
      if (delay < -120) {
        total.deadLettered++
        continue
      }
      const late = delay > 15 ? 1 : 0
      total.processed++
      total.sumDelayMin += delay
      total.lateFlights += late
      airports[origin] ??= { flights: 0, sumDelayMin: 0, lateFlights: 0 }
      const airport = airports[origin]
      airport.flights++
      airport.sumDelayMin += delay
      airport.lateFlights += late
    }
  }
  return { ...total, airports }
}
