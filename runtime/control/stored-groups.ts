/**
 * The groups that a broker's folder knows, in its catalog: the cursor of each on each partition.
 *
 * The control thread. Groups that were not opened in this process are here as well.
 */
import type { StateLog } from '../log/store/state-log.ts'
import { type Placed, placeOf } from './placement.ts'

/** Groups in one record of the catalog: each has a number for each of its partitions, 1,024 at most. */
const GROUPS_MAX = 100

/** A group as the catalog has it. */
interface StoredGroup {
  readonly members: readonly number[]
  /** Partitions from here on were added while the group was there: it reads them from their beginning. */
  readonly added?: number
}

export class StoredGroups {
  readonly #state: StateLog
  readonly #write: (changes: readonly (readonly [string, unknown])[]) => void

  /** `write`: to the catalog, durably. */
  constructor(state: StateLog, write: (changes: readonly (readonly [string, unknown])[]) => void) {
    this.#state = state
    this.#write = write
  }

  /** Numbers of a group's partitions; undefined: there was no such group. */
  cursors(topic: number, group: string): readonly number[] | undefined {
    return this.#group(topic, group)?.members
  }

  /** The first partition that was added while the group was there; Infinity: none was. */
  addedFrom(topic: number, group: string): number {
    return this.#group(topic, group)?.added ?? Number.POSITIVE_INFINITY
  }

  #group(topic: number, group: string): StoredGroup | undefined {
    return this.#state.get(groupKey(topic, group)) as StoredGroup | undefined
  }

  /**
   * Gives all groups that read a topic of `from` partitions numbers for up to `to`. What was given before and came to nothing
   * is used.
   *
   * @throws MillraceError MILL_DISK
   */
  extend(topic: number, from: number, to: number, nextId: () => number): void {
    const changes: [string, StoredGroup][] = []
    for (const [key, value] of this.#state.entries('group/')) {
      if (!key.startsWith(groupKey(topic, ''))) continue
      const { members: cursors, added = from } = value as StoredGroup
      const more = Array.from({ length: Math.max(0, to - cursors.length) }, nextId)
      changes.push([key, { members: [...cursors, ...more], added }])
    }
    for (let at = 0; at < changes.length; at += GROUPS_MAX) this.#write(changes.slice(at, at + GROUPS_MAX))
  }

  /** Names of the groups that read a topic. */
  names(topic: number): string[] {
    const own = groupKey(topic, '')
    return [...this.#state.entries('group/')].flatMap(([key]) => (key.startsWith(own) ? [key.slice(own.length)] : []))
  }

  /** Numbers of the partitions of each group that reads a topic. */
  of(topic: number): (readonly number[])[] {
    const groups: (readonly number[])[] = []
    for (const [key, value] of this.#state.entries('group/'))
      if (key.startsWith(groupKey(topic, ''))) groups.push((value as StoredGroup).members)
    return groups
  }

  /** The place of each member's partition, by these topics' placement. */
  places(topics: ReadonlyMap<number, Placed>): Map<number, number> {
    const found = new Map<number, number>()
    for (const [key, value] of this.#state.entries('group/')) {
      const { members: cursors } = value as StoredGroup
      const topic = topics.get(Number(key.split('/')[1])) ?? {}
      for (const [partition, cursor] of cursors.entries()) found.set(cursor, placeOf(topic, partition))
    }
    return found
  }

  keep(topic: number, group: string, cursors: readonly number[]): void {
    this.#write([[groupKey(topic, group), { members: cursors }]])
  }

  forget(topic: number, group: string): void {
    if (this.#state.has(groupKey(topic, group))) this.#write([[groupKey(topic, group), undefined]])
  }
}

export function groupKey(topic: number, group: string): string {
  return `group/${topic}/${group}`
}
