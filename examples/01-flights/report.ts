/**
 * What the run found out, as tables for people or as one line of JSON for programs.
 */
import Table from 'cli-table3'
import type { AirportDelays } from './topics.ts'

export interface Result {
  readonly published: number
  readonly processed: number
  readonly impossible: readonly ImpossibleFlight[]
  /** From the first row read to the last figure received. */
  readonly seconds: number
  readonly threads: number
  readonly partitions: number
  readonly airports: ReadonlyMap<string, AirportDelays>
  readonly flightsByRoute: ReadonlyMap<string, number>
}

/** A dead letter: a flight that the group `delays` refused, and why. */
export interface ImpossibleFlight {
  readonly departedAt: number
  readonly route: string
  readonly delay: number
  readonly reason: string
}

/** No colours, and no rules between rows. */
const PLAIN = {
  style: { head: [], border: [] },
  chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
}

export function toTables(result: Result): string {
  const airports = new Table({
    head: ['airport', 'flights', 'mean delay', 'p95 delay', 'late'],
    colAligns: ['left', 'right', 'right', 'right', 'right'],
    ...PLAIN,
  })
  for (const [code, airport] of largest(result.airports, ({ flights }) => flights, 10)) {
    airports.push([
      code,
      grouped(airport.flights),
      `${airport.meanDelayMin.toFixed(1)} min`,
      `${airport.p95DelayMin} min`,
      percent(airport.lateShare),
    ])
  }

  const impossible = new Table({
    head: ['departure', 'route', 'why it is a dead letter'],
    ...PLAIN,
  })
  for (const flight of result.impossible) {
    impossible.push([
      new Date(flight.departedAt).toISOString().slice(0, 16).replace('T', ' '),
      flight.route,
      flight.reason,
    ])
  }

  const routes = new Table({
    head: ['route', 'flights'],
    colAligns: ['left', 'right'],
    ...PLAIN,
  })
  for (const [route, flights] of largest(result.flightsByRoute, count => count, 5))
    routes.push([route, grouped(flights)])

  const { flights, late } = totals(result)
  return [
    `The ten busiest of ${result.airports.size} airports; late is more than 15 minutes, ${percent(late / flights)} of all flights:`,
    airports.toString(),
    ...(result.impossible.length === 0 ? [] : ['Dead letters of the group delays:', impossible.toString()]),
    'The five busiest routes:',
    routes.toString(),
    `${grouped(result.published)} flights published, counted by two groups in ${result.seconds.toFixed(2)} s: ` +
      `${grouped(recordsPerSecond(result))} records/s in, twice that out, ${result.partitions} partitions, ` +
      `${result.threads} handler ${result.threads === 1 ? 'thread' : 'threads'}.`,
  ].join('\n')
}

export function toJsonLine(result: Result): string {
  const { sumDelayMin, late } = totals(result)
  const byCode = [...result.airports].sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify({
    published: result.published,
    processed: result.processed,
    deadLettered: result.impossible.length,
    sumDelayMin,
    lateFlights: late,
    seconds: Number(result.seconds.toFixed(3)),
    recordsPerSecond: recordsPerSecond(result),
    threads: result.threads,
    airports: Object.fromEntries(
      byCode.map(([code, airport]) => [
        code,
        { flights: airport.flights, sumDelayMin: airport.sumDelayMin, lateFlights: airport.lateFlights },
      ]),
    ),
  })
}

function totals({ airports }: Result): { flights: number; sumDelayMin: number; late: number } {
  let flights = 0
  let sumDelayMin = 0
  let late = 0
  for (const airport of airports.values()) {
    flights += airport.flights
    sumDelayMin += airport.sumDelayMin
    late += airport.lateFlights
  }
  return { flights, sumDelayMin, late }
}

function recordsPerSecond({ published, seconds }: Result): number {
  return Math.round(published / seconds)
}

function largest<V>(entries: ReadonlyMap<string, V>, size: (value: V) => number, count: number): [string, V][] {
  return [...entries].sort(([, a], [, b]) => size(b) - size(a)).slice(0, count)
}

export function grouped(value: number): string {
  return value.toLocaleString('en-US')
}

function percent(share: number): string {
  return Number.isFinite(share) ? `${(share * 100).toFixed(1)} %` : '-'
}
