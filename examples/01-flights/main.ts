/**
 * Who leaves late? Three million flights through one topic with two consumer groups, on all cores.
 *
 *   parquet file -> topic `flights`, keyed by origin -> group `delays`: worker threads -> topic `airports` -> table
 *                                                    |                             \-> dead letters -> table
 *                                                    \-> group `routes`: an Observable on this thread -> table
 *
 * Nothing here says how fast to read: when a group falls behind, its partitions fill, and `publishBatch` waits.
 */
import { createBroker } from 'millrace'
import { readFlights } from './flights.ts'
import { type Options, parseOptions } from './options.ts'
import { type ImpossibleFlight, type Result, toJsonLine, toTables } from './report.ts'
import { countRoutes } from './routes.ts'
import { type AirportDelays, airportsTopic, flightsTopic, impossibleTopic } from './topics.ts'

async function countFlights({ limit, partitions, threads }: Options, signal: AbortSignal): Promise<Result> {
  const broker = await createBroker()
  try {
    const flights = await broker.topic(flightsTopic, { partitions })

    // Two groups read every flight: one on worker threads, one here.
    const delays = await flights.group('delays').run({ handler: new URL('./delays.js', import.meta.url), threads })
    const routes = countRoutes(flights.group('routes'))

    // What the handlers find out, and what they refuse, comes back as records of two other topics.
    const airports = new Map<string, AirportDelays>()
    const airportsRun = await (await broker.topic(airportsTopic)).group('report').handle(({ key, value }) => {
      airports.set(key ?? 'unknown', value)
    })
    const impossible: ImpossibleFlight[] = []
    const impossibleRun = await (await broker.topic(impossibleTopic))
      .group('report')
      .handle(({ key, value, timestamp, headers }) => {
        const reason = String(headers['millrace-error-message'])
        impossible.push({ departedAt: timestamp, route: `${key}-${value.destination}`, delay: value.delay, reason })
      })

    const startedAtMs = performance.now()
    let published = 0
    for await (const rows of readFlights(limit)) {
      signal.throwIfAborted()
      const messages = rows.map(({ origin, destination, delay, departedAt }) => ({
        key: origin,
        value: { destination, delay },
        timestamp: departedAt,
      }))
      published += (await flights.publishBatch(messages, { signal })).count
    }

    await Promise.all([delays.idle(), routes.counted(published)])
    routes.stop()
    const { processed } = await delays.stats()
    await delays.stop() // each handler publishes its airports now
    await Promise.all([airportsRun.idle(), impossibleRun.idle()])
    const seconds = (performance.now() - startedAtMs) / 1_000

    return {
      published,
      processed,
      impossible,
      seconds,
      threads,
      partitions,
      airports,
      flightsByRoute: routes.flightsByRoute,
    }
  } finally {
    await broker.close()
  }
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv)
  const interrupted = new AbortController()
  process.once('SIGINT', () => interrupted.abort())
  try {
    if (!options.json) console.log(`Publishing ${options.limit.toLocaleString('en-US')} flights of 2001 …`)
    const result = await countFlights(options, interrupted.signal)
    console.log(options.json ? toJsonLine(result) : toTables(result))
  } catch (error) {
    if (!interrupted.signal.aborted) throw error
    console.error('Interrupted; everything is closed.')
    process.exitCode = 130
  }
}

void main()
