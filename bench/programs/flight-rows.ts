/**
 * The rows that example 01 reads, for the programs that do its work without a broker.
 *
 * The example is loaded by its place in `dist`, since benches import public doors only.
 */
import type { FlightLine } from './light-handler.ts'

export type ReadFlights = (limit?: number) => AsyncIterable<readonly FlightLine[]>

export async function readFlights(): Promise<ReadFlights> {
  const place = new URL('../../examples/01-flights/flights.js', import.meta.url).href
  const { readFlights } = (await import(place)) as { readFlights: ReadFlights }
  return readFlights
}
