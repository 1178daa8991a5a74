/**
 * Reads the three million flights, a row group of the parquet file at a time (273,000 rows), in chunks of 8,192.
 *
 * Runs on the main thread. Bound: one decoded row group and one chunk are in memory, whatever the file's size.
 */
import { fileURLToPath } from 'node:url'
import { asyncBufferFromFile, parquetMetadataAsync, parquetScan } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'

export interface FlightRow {
  /** Departure, in milliseconds since the epoch. */
  readonly departedAt: number
  readonly origin: string
  readonly destination: string
  /** Minutes. */
  readonly delay: number
}

const ROWS_PER_CHUNK = 8_192

/** Yields rows in file order, which is the order of departure, up to row `limit`; default: all. */
export function readFlights(limit?: number): AsyncGenerator<FlightRow[]> {
  return readFlightsAs((departedAt, origin, destination, delay) => ({ departedAt, origin, destination, delay }), limit)
}

/** The same, from row `from` on, and each row is at once what its reader wants: three million times no object in between. */
export async function* readFlightsAs<T>(
  make: (departedAt: number, origin: string, destination: string, delay: number) => T,
  limit: number = Number.POSITIVE_INFINITY,
  from = 0,
): AsyncGenerator<T[]> {
  const data = new URL('../data/flights-3m.parquet', import.meta.resolve('vega-datasets'))
  const file = await asyncBufferFromFile(fileURLToPath(data))
  const scan = await parquetScan({
    file,
    metadata: await parquetMetadataAsync(file),
    compressors,
    columns: ['date', 'origin', 'destination', 'delay'],
    parsers: { timestampFromMicroseconds: micros => Number(micros) / 1_000 },
  })
  for (const { rowStart: groupStart, rowEnd: groupEnd } of scan.ranges) {
    if (groupStart >= limit) return
    if (groupEnd <= from) continue
    const rowStart = Math.max(groupStart, from)
    const rowEnd = Math.min(groupEnd, limit)
    const column = (name: string) => scan.readColumn({ column: name, rowStart, rowEnd })
    const [dates, origins, destinations, delays] = await Promise.all([
      column('date'),
      column('origin'),
      column('destination'),
      column('delay'),
    ])
    for (let start = 0; start < rowEnd - rowStart; start += ROWS_PER_CHUNK) {
      const end = Math.min(start + ROWS_PER_CHUNK, rowEnd - rowStart)
      const rows: T[] = []
      for (let at = start; at < end; at++)
        rows.push(make(Number(dates[at]), String(origins[at]), String(destinations[at]), Number(delays[at])))
      yield rows
    }
  }
}
