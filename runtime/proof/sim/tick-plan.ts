/**
 * What the schedules of one seed are about: their rhythms and rules, where they send to, and what is done with them.
 *
 * Drawn from a stream of chance of its own, before anything runs: what a seed without schedules does is not touched by it.
 */
import type { Durability } from '../../words/message.ts'
import { Chance } from './chance.ts'

export type TickTargetKind = 'queue' | 'topic' | 'exchange'

/** Ticks are `everyMs` apart, by a pattern or without one. */
export interface TickSchedulePlan {
  readonly name: string
  /** Null: no pattern. */
  readonly cron: string | null
  readonly everyMs: number
  readonly missed: 'skip' | 'once' | 'all'
  readonly overlap: 'send' | 'skip'
  readonly target: TickTargetKind
  readonly padBytes: number
}

export interface TickPlan {
  /** Of the queues. */
  readonly durability: Durability
  readonly topicDurability: Durability
  readonly schedules: readonly TickSchedulePlan[]
  readonly acts: readonly ('pause' | 'remove' | 'again')[]
  /** Handlers are so slow that messages of two ticks meet. */
  readonly handlerMsMax: number
  /** The wall clock is set: what lies between ticks is long then. */
  readonly clockJumps: boolean
}

const SALT = 0x19f3c7a5
const SHARE = 0.3
const EVERY_MS = [15, 40, 130, 600]
/** A clock that is set by an hour makes so few ticks of these. */
const RARE_EVERY_MS = [20_000, 60_000]
const CRONS: readonly (readonly [pattern: string, everyMs: number])[] = [
  ['* * * * * *', 1_000],
  ['*/2 * * * * *', 2_000],
]
const RARE_CRONS: readonly (readonly [pattern: string, everyMs: number])[] = [['* * * * *', 60_000]]

function scheduleOf(chance: Chance, index: number, clockJumps: boolean): TickSchedulePlan {
  const missed = chance.pick(['skip', 'once', 'all', 'all'] as const)
  const isRare = clockJumps && missed === 'all'
  const target = chance.pick(['queue', 'queue', 'topic', 'exchange'] as const)
  const [cron, cronMs] = chance.pick(isRare ? RARE_CRONS : CRONS)
  const hasCron = chance.happens(0.3)
  return {
    name: `s${index}`,
    cron: hasCron ? cron : null,
    everyMs: hasCron ? cronMs : chance.pick(isRare ? RARE_EVERY_MS : EVERY_MS),
    missed,
    overlap: target === 'queue' && chance.happens(0.5) ? 'skip' : 'send',
    target,
    padBytes: chance.pick([0, 0, 300, 3_000]),
  }
}

/** Null: the seed has no schedules. */
export function tickPlanOf(seed: number, hasDisk: boolean, clockJumps: boolean): TickPlan | null {
  const chance = new Chance(seed ^ SALT)
  if (!chance.happens(SHARE)) return null
  const durabilities = hasDisk ? (['memory', 'os', 'fsync', 'fsync'] as const) : (['memory'] as const)
  return {
    durability: chance.pick(durabilities),
    topicDurability: chance.pick(durabilities),
    schedules: Array.from({ length: chance.between(1, 3) }, (_, index) => scheduleOf(chance, index, clockJumps)),
    acts: (['pause', 'remove', 'again'] as const).filter(() => chance.happens(0.4)),
    handlerMsMax: chance.pick([0, 0, 30, 200]),
    clockJumps,
  }
}
