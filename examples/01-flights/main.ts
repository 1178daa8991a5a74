/**
 * Who leaves late? Three million flights through one topic with two consumer groups, on all cores.
 *
 *   parquet file -> topic `flights`, keyed by origin -> group `delays`: worker threads -> topic `airports` -> table
 *                                                    |                             \-> dead letters -> table
 *                                                    \-> group `routes`: an Observable on this thread -> table
 *
 * Nothing here says how fast to read: when a group falls behind, its partitions fill, and `publishBatch` waits. With `--dir`
 * everything is kept in a folder: killed at any moment and run again, it goes on where it was, and every flight counts once.
 */
import { type Broker, createBroker, isMillraceError, type Message, type Topic } from 'millrace'
import { readFlightsAs } from './flights.ts'
import { type Options, parseOptions } from './options.ts'
import { Progress } from './progress.ts'
import { grouped, type ImpossibleFlight, type Result, toJsonLine, toTables } from './report.ts'
import { countRoutes, keepCountingRoutes } from './routes.ts'
import { type AirportDelays, airportsTopic, type Flight, flightsTopic } from './topics.ts'

async function countFlights(
  { limit, partitions, threads, dir }: Options,
  progress: Progress,
  signal: AbortSignal,
): Promise<Result> {
  const broker = await createBroker({ dir, logger: progress })
  try {
    const flights = await broker.topic(flightsTopic, { partitions })

    // What is in a folder is not published again: a producer with a name knows how far it was.
    const loader = dir === undefined ? null : await broker.producer<Flight>('parquet', flights)
    const first = loader?.next ?? 0
    if (first > 0) await sayResumed(flights, first)

    // What the handlers find out comes back as records of another topic.
    const airports = new Map<string, AirportDelays>()
    const airportsRun = await (await broker.topic(airportsTopic)).group('report').handle(({ key, value }) => {
      airports.set(key ?? 'unknown', value)
    })

    // Two groups read every flight: one on worker threads, one here.
    const delays = await flights.group('delays').run({ handler: new URL('./delays.js', import.meta.url), threads })
    const group = flights.group('routes')
    const routes = dir === undefined ? countRoutes(group) : await keepCountingRoutes(group)

    const startedAtMs = performance.now()
    let sent = first
    progress.start(async () => {
      const lag = await delays.lag()
      return `${grouped(sent)} of ${grouped(limit)} flights published, ${grouped(Math.max(0, sent - lag))} handled`
    })
    const published = await publishFlights(loader ?? flights, first, limit, signal, now => {
      sent = now
    })
    await Promise.all([delays.idle(), routes.counted(published)])
    await routes.stop()
    const { processed } = await delays.stats()
    await delays.stop() // each handler publishes its airports now
    await airportsRun.idle()
    const seconds = (performance.now() - startedAtMs) / 1_000
    const impossible = await impossibleFlights(broker)

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
    progress.stop()
    await broker.close()
  }
}

/** Returns how many there are in all; `told` hears it of each batch. */
async function publishFlights(
  flights: Pick<Topic<Flight>, 'publishBatch'>,
  first: number,
  limit: number,
  signal: AbortSignal,
  told: (published: number) => void,
): Promise<number> {
  let published = first
  const message = (timestamp: number, key: string, destination: string, delay: number): Message<Flight> => ({
    key,
    value: { destination, delay },
    timestamp,
  })
  for await (const messages of readFlightsAs(message, limit, first)) {
    signal.throwIfAborted()
    await flights.publishBatch(messages, { signal })
    published += messages.length
    told(published)
  }
  return published
}

async function sayResumed(flights: Topic<Flight>, first: number): Promise<void> {
  const { partitions } = await flights.stats()
  const kept = partitions.reduce((sum, { highWatermark }) => sum + highWatermark, 0)
  const lag = await flights.group('delays').lag()
  console.error(
    `Resuming: ${kept} flights are in the log, the file is read from row ${first}, and the group delays goes on ${lag} flights before the end.`,
  )
}

/** What the group `delays` refused, oldest first. */
async function impossibleFlights(broker: Broker): Promise<ImpossibleFlight[]> {
  const impossible: ImpossibleFlight[] = []
  for await (const { key, value, timestamp, error } of broker.deadLetters(flightsTopic).browse())
    impossible.push({
      departedAt: timestamp,
      route: `${key}-${value.destination}`,
      delay: value.delay,
      reason: error.message,
    })
  return impossible.sort((a, b) => a.departedAt - b.departedAt)
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv)
  const interrupted = new AbortController()
  const progress = new Progress()
  process.once('SIGINT', () => interrupted.abort())
  try {
    if (!options.json) console.log(`Publishing ${options.limit.toLocaleString('en-US')} flights of 2001 …`)
    const result = await countFlights(options, progress, interrupted.signal)
    console.log(options.json ? toJsonLine(result) : toTables(result))
  } catch (error) {
    if (interrupted.signal.aborted) {
      console.error('Interrupted; everything is closed.')
      process.exitCode = 130
      return
    }
    // What the broker says of a folder is for the user, who needs no stack to mend it.
    if (!isMillraceError(error)) throw error
    console.error(`01-flights: ${error.message}`)
    process.exitCode = 1
  } finally {
    progress.sayKept()
  }
}

void main()
