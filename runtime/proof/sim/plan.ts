/**
 * What one seed is about: the broker's shape, its groups, its messages, and the faults that befall it.
 *
 * Everything here is drawn from the seed before anything runs.
 */
import type { Rate } from '../../words/common-options.ts'
import type { RetryOrder } from '../../words/group-options.ts'
import type { Chance } from './chance.ts'
import { type DiskPlan, diskPlanOf, RETENTION_BYTES } from './disk-plan.ts'

/** Everything that may go wrong, by name; each is in a share of the seeds. */
export const FAULTS = [
  'throw',
  'reject',
  'rejectLater',
  'neverSettle',
  'settleLate',
  'rejectError',
  'decode',
  'loop',
  'exit',
  'outOfMemory',
  'strayError',
  'threadDeath',
  'hostDeath',
  'hostDeathAtPoint',
  'zombie',
  'lostMessages',
  'pausedThread',
  'stall',
  'pausedProcess',
  'clockJump',
  'slowConsumer',
  'fullWindow',
  'fullDeadLetters',
  'letterWaits',
  'pausedRun',
  'rebalance',
  'groupRestart',
  'stopAtVerdict',
  'stopAtOutput',
  'stopAtSnapshot',
  'slowOutput',
  'doubleSettle',
  'startFails',
  'reopened',
  'processDeath',
  'powerCut',
  'tornApart',
  'claimsAfterDeath',
  'restoredState',
  'failedDisk',
  'retention',
  'morePartitions',
  'largeWindow',
  'smallWindow',
  'noWindow',
  'otherRing',
  'heldByRate',
  'sleptOut',
  'overlap',
] as const
export type FaultKind = (typeof FAULTS)[number]

export type GroupKind = 'run' | 'handle' | 'consume' | 'observe'

export interface GroupPlan {
  readonly name: string
  readonly kind: GroupKind
  readonly threads: number
  readonly attempts: number
  readonly initialMs: number
  readonly handlerTimeoutMs: number
  readonly window: number
  readonly output: boolean
  readonly publishes: boolean
  /** Named with its topic, so that it sees every record. */
  readonly named: boolean
  readonly restartIntensity: number
  readonly retryOrder: RetryOrder
  readonly concurrency: number
  readonly atMostOnce: boolean
  /** Its handler keeps a state, and snapshots of it. */
  readonly snapshots: boolean
}

export interface MessagePlan {
  readonly id: string
  readonly key: string | null
  /** One letter for each failure so far; the last one holds for all that follow (lab.ts). */
  readonly script: string
  readonly padBytes: number
}

export interface ProducerPlan {
  readonly name: string
  readonly how: 'one' | 'many' | 'batch' | 'try'
  readonly messages: readonly MessagePlan[]
  readonly pauseMs: number
}

export interface Plan {
  readonly seed: number
  readonly partitionThreads: number
  readonly partitions: number
  readonly onFull: 'wait' | 'reject'
  /** Of what is published to the source. */
  readonly publishRate: Rate | undefined
  readonly groups: readonly GroupPlan[]
  readonly producers: readonly ProducerPlan[]
  readonly faults: ReadonlySet<FaultKind>
  /** Faults of threads come about this far apart, in ms. */
  readonly everyMs: number
  /** Null: everything is in memory, and there is one process. */
  readonly disk: DiskPlan | null
}

/** What keeps threads from saying anything in time. */
const HOLD_UP: readonly FaultKind[] = ['hostDeath', 'hostDeathAtPoint', 'pausedThread', 'pausedProcess', 'stall']

/** How a handler that meets this fault behaves, and how it may behave after it. */
export const SCRIPTS: { readonly [K in FaultKind]?: readonly string[] } = {
  throw: ['t', 'tk', 'ttk', 'tK', 'tttk'],
  reject: ['r', 'rk', 'rrk'],
  rejectLater: ['R', 'Rk'],
  neverSettle: ['nk', 'n'],
  settleLate: ['Lk', 'LK', 'L'],
  rejectError: ['x', 'tx'],
  decode: ['d', 'd', 'td'],
  loop: ['lk', 'l'],
  exit: ['ek', 'e', 'tek'],
  outOfMemory: ['ok', 'o'],
  strayError: ['sk', 's'],
}

/** The longest time that a thread stands still in a handler. */
export const STALL_MS_MAX = 2_500

/** A group is at full speed when it comes to a record at which it stands still, and goes on slower, or as fast as before. */
function burstOf(chance: Chance, name: string): ProducerPlan {
  const slow = chance.happens(0.2) ? 'k' : 'K'
  const messages: MessagePlan[] = []
  const add = (script: string, count: number): void => {
    for (let index = 0; index < count; index++)
      messages.push({ id: `${name}-${messages.length}`, key: 'burst', script, padBytes: 0 })
  }
  const standstills = chance.between(1, 3)
  for (let standstill = 0; standstill < standstills; standstill++) {
    add('k', chance.between(20, 120))
    add('S', 1)
    add(slow, chance.between(20, 80))
  }
  return { name, how: chance.pick(['many', 'batch']), messages, pauseMs: 0 }
}

function rateOf(chance: Chance): Rate {
  return { max: chance.pick([1, 3, 8]), perMs: chance.pick([5, 60, 200]) }
}

export function planOf(seed: number, chance: Chance): Plan {
  const faults = new Set(FAULTS.filter(() => chance.happens(0.42)))
  // What is told of a record that is a dead letter already is rare, and told by a successor that finds it so.
  if (faults.has('fullDeadLetters') && chance.happens(0.55)) faults.add('hostDeathAtPoint')
  if (faults.has('decode') && chance.happens(0.55)) faults.add('hostDeathAtPoint')
  if (faults.has('loop') && chance.happens(0.6)) faults.add('hostDeathAtPoint')
  // A member that is gone before it was up is one that died while its group was started again.
  if (faults.has('groupRestart') && chance.happens(0.3)) faults.add('threadDeath')
  const isStalling = faults.has('stall')
  const disk = diskPlanOf(chance, isStalling)
  const isStored = disk !== null && disk.durability !== 'memory'
  // A topic on disk is never full.
  if (isStored) for (const fault of ['fullWindow', 'fullDeadLetters'] as const) faults.delete(fault)
  else if (chance.happens(0.15)) faults.add('fullDeadLetters')
  // Of letters that wait somebody is told in time: nothing holds up whoever tells, and nobody reads them for long.
  // Letters of partitions that are added have room.
  if (faults.has('fullDeadLetters') && faults.has('letterWaits'))
    for (const fault of [...HOLD_UP, 'morePartitions'] as const) faults.delete(fault)
  else faults.delete('letterWaits')
  const stalls = faults.has('stall')
  const partitions = chance.between(1, 4)
  const attempts = chance.pick([1, 2, 3, 4])
  const groups: GroupPlan[] = []
  const kinds: readonly GroupKind[] = ['run', 'run', 'run', 'run', 'handle', 'consume', 'observe']
  const chosen: GroupKind[] = [chance.happens(0.7) ? 'run' : chance.pick(kinds)]
  if (chance.happens(0.3)) chosen.push(chance.pick(kinds))
  if (faults.has('doubleSettle')) chosen.push(chance.pick(['consume', 'observe']))
  for (const [index, kind] of chosen.entries()) {
    const handles = kind === 'run' || kind === 'handle'
    const atMostOnce = handles && chance.happens(!isStored ? 0.12 : stalls ? 0.65 : 0.25)
    const inLanes = handles && !atMostOnce && chance.happens(0.35)
    const inOrder = handles && !atMostOnce && !inLanes
    groups.push({
      name: `g${index}`,
      kind,
      threads: chance.between(1, 3),
      attempts: atMostOnce ? 1 : chance.happens(0.5) ? attempts : chance.between(1, 3),
      initialMs: chance.pick([1, 5, 20, 100]),
      handlerTimeoutMs: stalls && chance.happens(0.7) ? STALL_MS_MAX * 2 : chance.pick([50, 150, 400]),
      window: chance.pick([1, 4, 32, 1_024]),
      output: handles && chance.happens(0.35),
      publishes: handles && chance.happens(0.25),
      named: chance.happens(0.8),
      restartIntensity: chance.pick([10, 10, 30, 3]),
      retryOrder: inLanes ? chance.pick(['key', 'key', 'none', 'partition']) : 'partition',
      concurrency: inLanes ? chance.pick([1, 2, 8]) : 1,
      atMostOnce,
      snapshots: inOrder && chance.happens(0.5),
    })
  }
  const scripts = FAULTS.flatMap(fault => (faults.has(fault) ? (SCRIPTS[fault] ?? []) : []))
  const once = FAULTS.flatMap(fault =>
    faults.has(fault) && SCRIPTS[fault] !== undefined ? [chance.pick(SCRIPTS[fault])] : [],
  )
  const badShare = chance.pick([0.01, 0.03, 0.06, 0.15])
  // The topic of dead letters is full at first: large ones have no room.
  const letterShare = faults.has('fullDeadLetters') ? chance.pick([0.1, 0.2, 0.3]) : 0
  const letterScripts = [
    ...['t', 'r', 'x', 'x', 'd', 'd', 'd', 'd', 'd', 'd', 'n', 'n'],
    ...(faults.has('hostDeathAtPoint') ? ['e', 'e', 'l', 'l', 'l'] : []),
  ]
  const fills = faults.has('fullWindow') || faults.has('fullDeadLetters')
  const padMax = fills || disk?.retentionBytes === RETENTION_BYTES ? 3_500 : chance.pick([0, 40, 600])
  const keys = fills ? chance.pick([1, 2]) : chance.pick([1, 3, 10, 100])
  const total = chance.pick([15, 24, 36])
  const producers: ProducerPlan[] = []
  const producing = chance.between(1, 3)
  for (let producer = 0; producer < producing; producer++) {
    const name = `p${producer}`
    producers.push({
      name,
      how: chance.pick(['one', 'many', 'batch', 'try']),
      pauseMs: chance.pick([0, 1, 10, 40]),
      messages: Array.from({ length: Math.ceil(total / producing) }, (_, index) => {
        // Each fault of a handler once for certain, and more by chance.
        const certain = index % 3 === 1 ? once.shift() : undefined
        const bad = certain !== undefined || (scripts.length > 0 && chance.happens(badShare))
        const script = certain ?? (bad ? chance.pick(scripts) : chance.pick(['k', 'k', 'k', 'K']))
        if (!bad && chance.happens(letterShare)) {
          const key = chance.happens(0.15) ? null : `k${chance.below(keys)}`
          return { id: `${name}-${index}`, key, script: chance.pick(letterScripts), padBytes: 12_000 }
        }
        return {
          id: `${name}-${index}`,
          key: chance.happens(0.15) ? null : `k${chance.below(keys)}`,
          script: faults.has('slowConsumer') && !bad && chance.happens(0.2) ? 'b' : script,
          padBytes: chance.below(padMax + 1),
        }
      }),
    })
  }
  if (stalls) producers.push(burstOf(chance, `p${producing}`))
  return {
    seed,
    partitionThreads: chance.between(1, 2),
    partitions,
    onFull: chance.happens(0.75) ? 'wait' : 'reject',
    // A group stands still at full speed only where there is no rate.
    publishRate: faults.has('heldByRate') && !stalls && chance.happens(0.6) ? rateOf(chance) : undefined,
    groups,
    producers,
    faults,
    everyMs: chance.pick([30, 100, 300]),
    disk,
  }
}
