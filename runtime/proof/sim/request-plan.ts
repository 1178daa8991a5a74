/**
 * What the requests of one seed are about: how their queue is set up, how they are handled, who asks, and what befalls them.
 *
 * Drawn from a stream of chance of its own, before anything runs: what a seed without requests does is not touched by it.
 */
import type { Durability } from '../../words/message.ts'
import { Chance } from './chance.ts'

/**
 * A request's script has one letter for each failure of its message so far, and the last one holds from then on:
 *
 *   k  answered          t  throws             s  waits for its signal, and throws      b  answered with bytes
 *   K  answered, later   x  RejectError        S  waits for its signal, and returns     L  answered in pieces
 *   u  returns nothing   d  does not decode    e  ends its thread                       v  returns what cannot be written
 *   n  asks another queue, and is answered with that
 */
const SCRIPTS = [
  'k',
  'k',
  'k',
  'K',
  'K',
  'b',
  'L',
  'u',
  't',
  'tk',
  'ttK',
  'x',
  'd',
  'e',
  'ek',
  's',
  's',
  'S',
  'S',
  'v',
  'n',
  'n',
]

export interface RequestPlan {
  /** Where the seed has a disk. */
  readonly durability: Durability
  readonly kind: 'run' | 'handle' | 'consume'
  readonly threads: number
  readonly concurrency: number
  readonly atMostOnce: boolean
  readonly attempts: number
  readonly handlerTimeoutMs: number
  readonly maxMessages: number
  readonly onFull: 'wait' | 'reject' | 'dropHead'
  /** Requests have one of few ids. */
  readonly hasIds: boolean
  /** Share of those with a time to live of their own. */
  readonly ttlShare: number
  readonly abortShare: number
  readonly timeoutsMs: readonly number[]
  /** Requests that one caller has at a time. */
  readonly window: number
  readonly callers: number
  readonly acts: readonly ('pause' | 'purge' | 'cancel')[]
  readonly scripts: readonly string[]
}

const SALT = 0x7f4a7c15
const SHARE = 0.3
/** Handlers of a share of the seeds end well, so that nothing keeps them from much. */
const GOOD_SHARE = 0.2

/** Null: the seed has no requests. */
export function requestPlanOf(seed: number, hasDisk: boolean): RequestPlan | null {
  const chance = new Chance(seed ^ SALT)
  if (!chance.happens(SHARE)) return null
  const durability = hasDisk ? chance.pick(['memory', 'os', 'fsync'] as const) : 'memory'
  const kind = chance.pick(['run', 'run', 'run', 'handle', 'consume'] as const)
  const isBounded = chance.happens(0.6)
  return {
    durability,
    kind,
    threads: kind === 'run' ? chance.between(1, 2) : 1,
    concurrency: kind === 'consume' ? 1 : chance.pick([1, 1, 4]),
    atMostOnce: kind !== 'consume' && durability === 'memory' && chance.happens(0.2),
    attempts: chance.between(1, 3),
    handlerTimeoutMs: chance.pick([100, 600, 5_000]),
    maxMessages: isBounded ? chance.pick([2, 5, 12]) : Number.POSITIVE_INFINITY,
    onFull: isBounded ? chance.pick(['wait', 'reject', 'dropHead', 'dropHead'] as const) : 'wait',
    hasIds: chance.happens(0.2),
    ttlShare: chance.pick([0, 0.3]),
    abortShare: chance.pick([0, 0.1, 0.4]),
    timeoutsMs: chance.pick([
      [20, 60, 150],
      [100, 400, 900],
      [40, 300, 2_000],
    ] as const),
    window: chance.pick([1, 3, 10]),
    callers: chance.between(1, 2),
    acts: (['pause', 'purge', 'cancel'] as const).filter(() => chance.happens(0.4)),
    scripts: chance.happens(GOOD_SHARE) ? ['k', 'K', 'b', 'n'] : SCRIPTS,
  }
}
