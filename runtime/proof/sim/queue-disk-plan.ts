/**
 * How durable the work queues of a seed are: in memory, or on the disk that the seed has.
 *
 * Dead letters on disk always have room, and what is deleted is judged within one process: such queues are in memory.
 *
 * Drawn from a stream of chance of its own, before anything runs: what else is drawn for a seed is not touched by it.
 */
import type { Durability } from '../../words/message.ts'
import { Chance } from './chance.ts'
import type { DiskPlan } from './disk-plan.ts'
import type { QueuePlan } from './queue-plan.ts'

/** So small that segments are closed, removed and rewritten, and files of settled messages written anew. */
export const QUEUE_TUNING = { queueSegmentBytes: 16_384, settledCompactBytes: 2_048 } as const

const SALT = 0x2545f491

/** By the queue's name. */
export function queueDurabilitiesOf(
  seed: number,
  queues: readonly QueuePlan[],
  disk: DiskPlan | null,
): ReadonlyMap<string, Durability> {
  const chance = new Chance(seed ^ SALT)
  const durabilities = new Map<string, Durability>()
  for (const { name, lettersWait, isDeleted } of queues) {
    const drawn = chance.pick(['fsync', 'fsync', 'os', 'os', 'memory'] as const)
    durabilities.set(name, disk === null || lettersWait || isDeleted ? 'memory' : drawn)
  }
  return durabilities
}
