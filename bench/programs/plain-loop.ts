/**
 * The work of example 01 in one loop: delays by airport, and flights by route, of so many rows. Argument: how many.
 *
 * No threads, no groups, nothing that survives: what the rows and the counting alone cost.
 */
import { readFlights } from './flight-rows.ts'

const possibleDelayMin = -120

const delaysByAirport = new Map<string, Map<number, number>>()
const flightsByRoute = new Map<string, number>()
let published = 0

const read = await readFlights()
for await (const rows of read(Number(process.argv[2]))) {
  for (const { origin, destination, delay } of rows) {
    published++
    const route = `${origin}-${destination}`
    flightsByRoute.set(route, (flightsByRoute.get(route) ?? 0) + 1)
    if (delay < possibleDelayMin) continue
    const delays = delaysByAirport.get(origin) ?? new Map<number, number>()
    delays.set(delay, (delays.get(delay) ?? 0) + 1)
    delaysByAirport.set(origin, delays)
  }
}
console.log(JSON.stringify({ published, airports: delaysByAirport.size, routes: flightsByRoute.size }))
