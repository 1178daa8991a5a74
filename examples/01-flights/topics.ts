/**
 * The topics of this example, shared by the main thread and the handler threads: a name, a type and options.
 */
import { defineTopic, type TopicDefinition } from 'millrace'

/** One flight. The record's key is the airport it left from, the record's timestamp when it left. */
export interface Flight {
  readonly destination: string
  /** Minutes late; negative: early. */
  readonly delay: number
}

/** What the handlers found out about one airport, which is the record's key. */
export interface AirportDelays {
  readonly flights: number
  readonly sumDelayMin: number
  readonly meanDelayMin: number
  /** 95 of 100 flights were at most this late. */
  readonly p95DelayMin: number
  /** Flights more than 15 minutes late. */
  readonly lateFlights: number
  /** `lateFlights / flights`. */
  readonly lateShare: number
}

/**
 * Both groups are named here, so that the topic keeps every record for them even before they run. In a folder a record's age is
 * that of its timestamp, and these are of 2001: they are kept for ever.
 */
export const flightsTopic: TopicDefinition<Flight> = defineTopic<Flight>('flights', {
  groups: ['delays', 'routes'],
  retentionMs: Number.POSITIVE_INFINITY,
})

/** Read at once, and made anew by each run: it need not outlive the process. */
export const airportsTopic: TopicDefinition<AirportDelays> = defineTopic<AirportDelays>('airports', {
  groups: ['report'],
  durability: 'memory',
})
