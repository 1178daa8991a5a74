/**
 * How durable the work queues of a seed are: in memory, or on the disk that the seed has.
 *
 * Drawn from a stream of chance of its own, before anything runs: what else is drawn for a seed is not touched by it.
 */
import type { Durability } from '../../words/message.ts'
import { Chance } from './chance.ts'
import type { DiskPlan } from './disk-plan.ts'
import type { QueuePlan } from './queue-plan.ts'

/** So small that segments are closed, removed and rewritten, files of settled messages written anew, and queues opened in many steps. */
export const QUEUE_TUNING = { queueSegmentBytes: 16_384, settledCompactBytes: 2_048, queueScanBytes: 1_024 } as const

const SALT = 0x2545f491

/** By the queue's name. */
export function queueDurabilitiesOf(
  seed: number,
  queues: readonly QueuePlan[],
  disk: DiskPlan | null,
): ReadonlyMap<string, Durability> {
  const chance = new Chance(seed ^ SALT)
  return new Map(
    queues.map(({ name, atMostOnce, isDeleted }) => {
      const drawn = chance.pick(['fsync', 'fsync', 'os', 'os', 'memory'] as const)
      // At most once is for queues in memory. What is deleted and made anew would have to be told apart from what was there before.
      return [name, disk === null || atMostOnce || isDeleted ? 'memory' : drawn]
    }),
  )
}
