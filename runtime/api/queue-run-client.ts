/** A run of a queue's consumers as callers hold it. The creating thread. */

import type { Session } from '../embedded/session.ts'
import { QUEUE_GROUP } from '../wire/queue-calls.ts'
import type { QueueRun } from '../words/queue-run.ts'
import type { QueueStats } from '../words/queue-stats.ts'
import { OpenedRun } from './opened-run.ts'

/** The calls of its queue that a run uses, for any type of value. */
interface RunsQueue {
  readonly name: string
  stats(): Promise<QueueStats>
  idle(): Promise<void>
}

export class QueueRunClient<R> extends OpenedRun<R> implements QueueRun<R> {
  readonly #queue: RunsQueue

  constructor(session: Session, queue: RunsQueue, run: number, release: () => void, signal: AbortSignal | undefined) {
    const unsettled = async (): Promise<number> => {
      const { ready, unacked, retrying, scheduled } = await queue.stats()
      return ready + unacked + retrying + scheduled
    }
    const { name } = queue
    const owner = { topic: name, group: QUEUE_GROUP, what: 'queue', idle: () => queue.idle(), unsettled } as const
    super(session, owner, run, release, signal)
    this.#queue = queue
  }

  get queue(): string {
    return this.#queue.name
  }

  stats(): Promise<QueueStats> {
    return this.#queue.stats()
  }
}
