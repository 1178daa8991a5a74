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

/** Yields rows in file order, which is the order of departure: from row `from` on, up to row `limit`; default: all. */
export async function* readFlights(limit: number = Number.POSITIVE_INFINITY, from = 0): AsyncGenerator<FlightRow[]> {
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
    for (let at = 0; at < rowEnd - rowStart; at += ROWS_PER_CHUNK) {
      const length = Math.min(ROWS_PER_CHUNK, rowEnd - rowStart - at)
      yield Array.from({ length }, (_, i) => ({
        departedAt: Number(dates[at + i]),
        origin: String(origins[at + i]),
        destination: String(destinations[at + i]),
        delay: Number(delays[at + i]),
      }))
    }
  }
}
