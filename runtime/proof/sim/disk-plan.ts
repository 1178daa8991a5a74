/**
 * What one seed is about on disk: how durable its topics are, and the processes that have its folder one after the other.
 *
 * Everything here is drawn from the seed before anything runs. All processes but the last come to an end of some kind; the
 * last one is left alone until all is read.
 */

import type { MemoryTuning } from '../../wire/memory-tuning.ts'
import type { Durability } from '../../words/message.ts'
import type { Chance } from './chance.ts'
import type { DiskOperation } from './sim-disk.ts'

/** `closed`: in good order. `killed`: all threads at one step, the disk as it is. `power`: and of the disk what was durable. */
export type LifeEnd = 'closed' | 'killed' | 'power'

export interface FailurePlan {
  readonly errno: 'EIO' | 'ENOSPC'
  /** Those that may fail. */
  readonly operations: readonly DiskOperation[]
  /** The first of them after so many. */
  readonly after: number
  /** Whether all fail from then on. */
  readonly lasts: boolean
}

export interface LifePlan {
  readonly end: LifeEnd
  /**
   * `moment`: between two steps. `access`: in one, at an access to shared memory or an operation of the disk. `operation`: at
   * an operation, whoever does it. `opening`: at one of the first. `standstill`: when a group goes on after one.
   */
  readonly aim: 'moment' | 'access' | 'operation' | 'opening' | 'standstill'
  readonly afterMs: number
  readonly failure: FailurePlan | null
}

export interface DiskPlan {
  readonly durability: Durability
  readonly outDurability: Durability
  readonly journalBytes: number
  readonly retentionBytes: number
  /** What a sync takes at most. */
  readonly syncMs: number
  /** All processes but the last. */
  readonly lives: readonly LifePlan[]
  /** Partition hosts of each process, the last one's too. */
  readonly hosts: readonly number[]
  /** So many producers are named, and go on where the process before was. */
  readonly named: number
  /** Windows are so small at rest that they must grow, and soon small again. */
  readonly memory: MemoryTuning
}

/** As little as there may be: one segment. */
export const RETENTION_BYTES = 65_536

const WRITES: readonly DiskOperation[] = ['write', 'sync', 'syncLater']
const ALL: readonly DiskOperation[] = [
  ...WRITES,
  'open',
  'list',
  'makeFolder',
  'read',
  'remove',
  'rename',
  'size',
  'syncDirectory',
  'truncate',
]

const AIMS = ['moment', 'access', 'access', 'operation', 'operation', 'opening'] as const

function failureOf(chance: Chance): FailurePlan {
  const isWrite = chance.happens(0.6)
  const ofSync: readonly DiskOperation[] = ['sync', 'syncLater', 'syncDirectory']
  return {
    errno: chance.happens(0.7) ? 'EIO' : 'ENOSPC',
    operations: isWrite ? WRITES : chance.happens(0.4) ? ofSync : ALL,
    after: chance.between(1, chance.pick([20, 100, 400])),
    lasts: chance.happens(0.3),
  }
}

/** Null: everything is in memory. */
export function diskPlanOf(chance: Chance, stalls: boolean): DiskPlan | null {
  if (chance.happens(0.5)) return null
  const durability = chance.pick(['fsync', 'fsync', 'fsync', 'os', 'os', 'memory'] as const)
  const lives: LifePlan[] = []
  const count = chance.pick([1, 1, 2, 2, 3])
  for (let life = 0; life < count; life++) {
    const failure = chance.happens(0.25) ? failureOf(chance) : null
    const end = chance.pick(['closed', 'killed', 'killed', 'power', 'power'] as const)
    lives.push({
      end,
      aim: end === 'closed' ? 'moment' : stalls && chance.happens(0.75) ? 'standstill' : chance.pick(AIMS),
      afterMs: chance.below(chance.pick([100, 300, 1_000, 2_500])),
      failure,
    })
  }
  return {
    durability,
    outDurability: chance.pick(['fsync', 'os', durability, durability, 'memory']),
    journalBytes: chance.pick([4_096, 16_384, 131_072]),
    retentionBytes: chance.happens(stalls ? 0.2 : 0.5) ? RETENTION_BYTES : Number.POSITIVE_INFINITY,
    syncMs: chance.pick([0.05, 0.5, 5, 20]),
    lives,
    hosts: Array.from({ length: count + 1 }, () => chance.between(1, 2)),
    named: durability !== 'memory' && chance.happens(0.5) ? chance.between(1, 2) : 0,
    memory: {
      restBytes: chance.pick([128, 512, 2_048]),
      lookMs: chance.pick([3, 10, 50, 500]),
      isShort: chance.happens(0.8),
    },
  }
}
