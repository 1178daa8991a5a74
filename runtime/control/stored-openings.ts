/**
 * Opens a topic or queue of a process before as its folder has it, for whoever publishes there and has not opened it: its exchange leads there.
 *
 * The control thread, one opening at a time.
 */
import type { BrokerDirectory } from './broker-directory.ts'
import type { TopicEntry } from './catalog-entries.ts'
import type { Openings } from './openings.ts'
import type { QueueOpenings } from './queue-openings.ts'

export class StoredOpenings {
  readonly #directory: BrokerDirectory | null
  readonly #openings: Openings
  readonly #queues: QueueOpenings

  constructor(directory: BrokerDirectory | null, openings: Openings, queues: QueueOpenings) {
    this.#directory = directory
    this.#openings = openings
    this.#queues = queues
  }

  /** Undefined: the folder has none of that name. @throws MillraceError MILL_MEMORY, MILL_DISK */
  async open(name: string): Promise<TopicEntry | undefined> {
    const stored = this.#directory?.topic(name)
    if (stored === undefined || stored.shape.log === null || stored.isMade !== true) return undefined
    return stored.shape.queue === undefined ? this.#openings.make(stored.shape) : this.#queues.stored(stored.shape)
  }
}
