/**
 * Updates messages of a simulation's queue while they wait: it looks for one, and gives it another priority, another delay or another time to live.
 *
 * The simulated main thread, through the public API only. One update is under way at a time.
 */
import type { Queue } from '../../words/queue.ts'
import type { MessageChange } from '../../words/queue-update.ts'
import type { QueuedMessage } from '../../words/queued-message.ts'
import type { Lab, Value } from './lab.ts'
import { sleep } from './producers.ts'

/** Messages of which one is updated. */
const LOOKED_AT = 8
/** Between the note of an update and the update, and for the rounding of the wall clock. */
const SLACK_MS = 5

export async function updateWhile(
  isGoing: () => boolean,
  lab: Lab,
  queue: () => Queue<Value>,
  priorities: number,
): Promise<void> {
  const { chance } = lab.scheduler
  while (isGoing()) {
    await sleep(chance.between(1, 60))
    // The queue may be deleted, or its broker about to close.
    await updateOne(lab, queue(), priorities).catch(() => undefined)
  }
}

async function updateOne(lab: Lab, queue: Queue<Value>, priorities: number): Promise<void> {
  const { chance } = lab.scheduler
  const seen: QueuedMessage<Value>[] = []
  for await (const message of queue.browse()) if (seen.push(message) === LOOKED_AT) break
  if (seen.length === 0) return
  const { id, value, explanation } = chance.pick(seen)
  const change = changeOf(lab, priorities)
  const { priority, delayMs, ttlMs } = change
  if (priority === undefined && delayMs === undefined && ttlMs === undefined) return
  const topic = queue.name
  lab.record({ kind: 'updating', topic, id: value.id })
  const began = lab.scheduler.now
  const outcome = await queue.update(id, change).catch(() => null)
  const { now } = lab.scheduler
  const due = delayMs === undefined ? {} : { dueMs: began + delayMs - 1 }
  // One that is scheduled lives from its time on.
  const from = delayMs ?? (explanation.state === 'ready' ? 0 : Number.POSITIVE_INFINITY)
  const expires = ttlMs === undefined ? {} : { expiresMs: now + from + ttlMs + SLACK_MS }
  const said = outcome === null ? {} : { isChanged: outcome === 'updated' }
  lab.record({ kind: 'updated', topic, id: value.id, ...said, ...due, ...expires })
}

function changeOf({ scheduler: { chance } }: Lab, priorities: number): MessageChange {
  return {
    ...(chance.happens(0.5) ? { priority: chance.below(priorities) } : {}),
    ...(chance.happens(0.5) ? { delayMs: chance.pick([0, 1, 30, 400]) } : {}),
    ...(chance.happens(0.3) ? { ttlMs: chance.pick([20, 500, Number.POSITIVE_INFINITY]) } : {}),
  }
}
