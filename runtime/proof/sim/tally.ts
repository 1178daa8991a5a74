/**
 * What the seeds of a run of the simulation have shown together, and whether each thing was met often enough.
 *
 * With at least FAULTS_FROM seeds each kind of fault must be in a fifth of them, those of disks, processes and queues in a twentieth or
 * less. With VISITS_FROM seeds each pair of state and input that was seen at all must have been seen VISITS_MIN times.
 *
 * The main thread of main.ts. Bound: one entry for each kind of fault, sight, and pair of state and input.
 */
import { EXCHANGE_SIGHTS, type ExchangeSight } from './exchange-sights.ts'
import { FAULTS, type FaultKind } from './plan.ts'
import { QUEUE_SIGHTS, type QueueSight } from './queue-sights.ts'
import { REQUEST_SIGHTS, type RequestSight } from './request-sights.ts'
import { EVENT_NAMES } from './scheduler.ts'
import { SEED_PARTS, type SeedPart } from './seed-parts.ts'
import { TICK_SIGHTS, type TickSight } from './tick-sights.ts'
import type { Visits } from './visits.ts'

/** With fewer seeds shares say little. */
const FAULTS_FROM = 300
const SHARE_MIN = 0.2
/**
 * Half of all seeds have a disk, and most of those one or two processes that do not end as they should; and what depends on how a
 * group is set up befalls few of the groups that there are.
 */
const RARE: readonly FaultKind[] = [
  ...(['reopened', 'processDeath', 'powerCut', 'tornApart', 'claimsAfterDeath', 'restoredState'] as const),
  ...([
    'failedDisk',
    'retention',
    'stopAtVerdict',
    'stopAtOutput',
    'stopAtSnapshot',
    'slowOutput',
    'letterWaits',
    'heldByRate',
  ] as const),
]
const RARE_MIN = 0.05
/** A third of the seeds has exchanges, requests or schedules, and this befalls few of those. */
const RAREST: readonly Sight[] = [
  'routeUnanswered',
  'requestCrash',
  'requestFull',
  'requestDropped',
  'requestPurged',
  'requestCancelled',
  'requestDuplicate',
  'requestAtClose',
  'requestOfOther',
  'tickMissed',
  'tickOverlap',
  'scheduleRemoval',
]
const RAREST_MIN = 0.01
/** With fewer seeds no pair of state and input need be visited often. */
const VISITS_FROM = 10_000
const VISITS_MIN = 100
/** Failing seeds printed. */
const TOLD_MAX = 20

const ALL_SIGHTS = [...QUEUE_SIGHTS, ...EXCHANGE_SIGHTS, ...REQUEST_SIGHTS, ...TICK_SIGHTS]
type Sight = QueueSight | ExchangeSight | RequestSight | TickSight

/** What a thread tells of one seed. */
export interface Told {
  readonly seed: number
  readonly hash: number
  readonly inputs: number
  readonly inputsByKind: readonly number[]
  readonly faults: readonly FaultKind[]
  readonly parts: readonly SeedPart[]
  readonly sights: readonly Sight[]
  readonly problems: readonly string[]
}

/** In how many seeds each name was met. */
class Counts<Name extends string> {
  readonly #names: readonly Name[]
  readonly #counts = new Map<Name, number>()

  constructor(names: readonly Name[]) {
    this.#names = names
  }

  add(names: readonly Name[]): void {
    for (const name of names) this.#counts.set(name, this.of(name) + 1)
  }

  of(name: Name): number {
    return this.#counts.get(name) ?? 0
  }

  toString(): string {
    return this.#names.map(name => `${name} ${this.of(name)}`).join(', ')
  }

  /** Those that were met in a smaller share of so many seeds than they must be. */
  rarer(seeds: number, least: (name: Name) => number): readonly Name[] {
    return this.#names.filter(name => this.of(name) < least(name) * seeds)
  }
}

export class Tally {
  seeds = 0
  failed = 0
  readonly #hashes: boolean
  readonly #started = performance.now()
  #inputs = 0
  #inputsMin = Number.POSITIVE_INFINITY
  readonly #byKind: number[] = EVENT_NAMES.map(() => 0)
  readonly #parts = new Counts(SEED_PARTS)
  readonly #faults = new Counts(FAULTS)
  readonly #sights = new Counts<Sight>(ALL_SIGHTS)
  readonly #visits = new Map<string, number>()

  /** `hashes`: each seed's is printed. */
  constructor(hashes: boolean) {
    this.#hashes = hashes
  }

  addVisits(visits: Visits): void {
    for (const [name, count] of Object.entries(visits)) this.#visits.set(name, (this.#visits.get(name) ?? 0) + count)
  }

  add({ seed, hash, inputs, inputsByKind, faults, parts, sights, problems }: Told): void {
    this.seeds++
    this.#inputs += inputs
    this.#inputsMin = Math.min(this.#inputsMin, inputs)
    for (const [kind, count] of inputsByKind.entries()) this.#byKind[kind] = (this.#byKind[kind] as number) + count
    this.#parts.add(parts)
    this.#faults.add(faults)
    this.#sights.add(sights)
    if (this.#hashes) console.log(`seed ${seed}: ${hash.toString(16).padStart(8, '0')}, ${inputs} inputs`)
    if (problems.length === 0) return
    this.failed++
    if (this.failed > TOLD_MAX) return
    console.log(`seed ${seed} (${hash.toString(16).padStart(8, '0')}) breaks a rule:`)
    for (const problem of problems) console.log(`    ${problem}`)
  }

  /** Prints the figures; whether all is as it should be. */
  report(): boolean {
    const { seeds } = this
    const kinds = EVENT_NAMES.map((name, kind) => `${name} ${this.#byKind[kind]}`)
    console.log(`inputs: ${kinds.join(', ')} (ticks do not count)`)
    console.log(`seeds with each kind of fault: ${this.#faults}`)
    console.log(`seeds in which this befell queues, exchanges, requests, schedules: ${this.#sights}`)
    console.log('visits of each kind of state by each kind of input:')
    for (const [name, count] of [...this.#visits].sort()) console.log(`    ${name}: ${count}`)
    const seldom = seeds >= VISITS_FROM ? [...this.#visits].filter(([, count]) => count < VISITS_MIN) : []
    if (seldom.length > 0)
      console.log(`visited less than ${VISITS_MIN} times: ${seldom.map(([name]) => name).join('; ')}`)
    const rare =
      seeds >= FAULTS_FROM
        ? [
            ...this.#faults.rarer(seeds, fault => (RARE.includes(fault) ? RARE_MIN : SHARE_MIN)),
            ...this.#sights.rarer(seeds, sight => (RAREST.includes(sight) ? RAREST_MIN : RARE_MIN)),
          ]
        : []
    if (rare.length > 0) console.log(`too rare: ${rare.join(', ')}`)
    const seconds = (performance.now() - this.#started) / 1000
    const each = seeds === 0 ? 0 : Math.round(this.#inputs / seeds)
    console.log(`of these seeds had: ${this.#parts}`)
    console.log(
      `${seeds} seeds, ${this.#inputs} inputs (${each} a seed, at least ${this.#inputsMin}), ${seconds.toFixed(1)} s: ${this.failed} broke a rule`,
    )
    return this.failed === 0 && rare.length === 0 && seldom.length === 0
  }
}
