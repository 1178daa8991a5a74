/** A run of a group as callers hold it. The creating thread. */

import type { Session } from '../embedded/session.ts'
import type { Group } from '../words/group.ts'
import type { GroupStats } from '../words/listing.ts'
import type { Run } from '../words/run.ts'
import { OpenedRun } from './opened-run.ts'

/** The calls of its group that a run uses, for any type of value. */
type RunsGroup = Pick<Group<never>, 'name' | 'topic' | 'stats' | 'lag'> & { idle(): Promise<void> }

export class RunClient<R> extends OpenedRun<R> implements Run<R> {
  readonly #group: RunsGroup

  constructor(session: Session, group: RunsGroup, run: number, release: () => void, signal: AbortSignal | undefined) {
    const { name, topic } = group
    const owner = { topic, group: name, what: 'group', idle: () => group.idle(), unsettled: () => group.lag() } as const
    super(session, owner, run, release, signal)
    this.#group = group
  }

  get group(): string {
    return this.#group.name
  }

  get topic(): string {
    return this.#group.topic
  }

  stats(): Promise<GroupStats> {
    return this.#group.stats()
  }

  lag(): Promise<number> {
    return this.#group.lag()
  }
}
