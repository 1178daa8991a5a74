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

/** Yields the first `limit` rows in file order, which is the order of departure; default: all. */
export async function* readFlights(limit: number = Number.POSITIVE_INFINITY): AsyncGenerator<FlightRow[]> {
  const data = new URL('../data/flights-3m.parquet', import.meta.resolve('vega-datasets'))
  const file = await asyncBufferFromFile(fileURLToPath(data))
  const scan = await parquetScan({
    file,
    metadata: await parquetMetadataAsync(file),
    compressors,
    columns: ['date', 'origin', 'destination', 'delay'],
    parsers: { timestampFromMicroseconds: micros => Number(micros) / 1_000 },
  })
  for (const { rowStart, rowEnd: groupEnd } of scan.ranges) {
    if (rowStart >= limit) return
    const rowEnd = Math.min(groupEnd, limit)
    const column = (name: string) => scan.readColumn({ column: name, rowStart, rowEnd })
    const [dates, origins, destinations, delays] = await Promise.all([
      column('date'),
      column('origin'),
      column('destination'),
      column('delay'),
    ])
    for (let from = 0; from < rowEnd - rowStart; from += ROWS_PER_CHUNK) {
      const length = Math.min(ROWS_PER_CHUNK, rowEnd - rowStart - from)
      yield Array.from({ length }, (_, i) => ({
        departedAt: Number(dates[from + i]),
        origin: String(origins[from + i]),
        destination: String(destinations[from + i]),
        delay: Number(delays[from + i]),
      }))
    }
  }
}
