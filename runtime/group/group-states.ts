/**
 * How far each group is on each partition of one host, as it is kept on disk from one process to the next.
 *
 * The partition host's thread; one state log (log/state-log.ts) for each host, an entry for each member. Its name says how
 * many hosts there were, since it is that number which decides where a partition is. What is in it may
 * be older than what happened: records settled since then are delivered again, and dead letters appended since are found in
 * their topic, from `letters` on.
 *
 * Bound: what groups keep of failures, FAILURES_MAX for each member.
 */
import { join } from 'node:path'
import type { Disk } from '../log/disk.ts'
import { StateLog } from '../log/state-log.ts'
import type { GroupActor } from './group-actor.ts'
import type { Failure } from './group-cursor.ts'

/** States written in one record. */
const MOVED = 256

/** One group on one partition. */
export interface GroupState {
  /** First offset not settled. */
  readonly committed: number
  /** Records before the group's start, and those that were dropped. */
  readonly skipped: number
  readonly deadLettered: number
  readonly failed: number
  /** End of the partition that takes its dead letters. */
  readonly letters: number
  readonly failures: readonly Failure[]
}

export function groupStatesPath(dir: string, host: number, hosts: number): string {
  return join(dir, `host-${host}-of-${hosts}.groups`)
}

/**
 * Makes the files of `to` hosts out of those of `from`, before any host starts; `partitions` are those of all members. The
 * old ones stay until it is known which are good. Control thread. @throws LogFileError, DiskError
 */
export function moveGroupStates(
  disk: Disk,
  dir: string,
  logId: Uint8Array,
  from: number,
  to: number,
  partitions: ReadonlyMap<number, number>,
): void {
  removeGroupStates(disk, dir, from)
  const changes = Array.from({ length: to }, (): [string, unknown][] => [])
  for (let host = 0; host < from; host++) {
    const old = StateLog.open(disk, groupStatesPath(dir, host, from), { logId, syncs: false })
    for (const [member, state] of old.entries()) {
      const partition = partitions.get(Number(member))
      if (partition !== undefined) changes[partition % to]?.push([member, state])
    }
    old.close()
  }
  for (const [host, states] of changes.entries()) {
    const made = StateLog.open(disk, groupStatesPath(dir, host, to), { logId, syncs: true })
    for (let at = 0; at < states.length; at += MOVED) made.write(states.slice(at, at + MOVED))
    made.close()
  }
}

/** Removes the files of any other number of hosts than this. */
export function removeGroupStates(disk: Disk, dir: string, hosts: number): void {
  for (const name of disk.list(dir)) {
    const of = /^host-\d+-of-(\d+)\.groups(?:\.new)?$/.exec(name)?.[1]
    if (of !== undefined && Number(of) !== hosts) disk.remove(join(dir, name))
  }
}

export class GroupStates {
  readonly #log: StateLog
  /** What was written last, as text. */
  readonly #written = new Map<number, string>()

  /** @throws LogFileError, DiskError */
  constructor(disk: Disk, path: string, logId: Uint8Array) {
    this.#log = StateLog.open(disk, path, { logId, syncs: false })
  }

  get(member: number): GroupState | undefined {
    return this.#log.get(`${member}`) as GroupState | undefined
  }

  /** Writes down those that have changed, all of them or none. @throws DiskError */
  write(groups: Iterable<GroupActor>): void {
    const changes: [string, GroupState][] = []
    for (const group of groups) {
      const state = group.state()
      if (state === null) continue
      const text = JSON.stringify(state)
      const { member } = group.place
      if (this.#written.get(member) === text) continue
      this.#written.set(member, text)
      changes.push([`${member}`, state])
    }
    if (changes.length > 0) this.#log.write(changes)
  }

  forget(member: number): void {
    this.#written.delete(member)
    if (this.#log.has(`${member}`)) this.#log.write([[`${member}`, undefined]])
  }

  get isSynced(): boolean {
    return this.#log.isSynced
  }

  /** What was written survives a loss of power as well. @throws DiskError */
  sync(): void {
    if (this.#log.isSynced) return
    this.#log.sync()
  }

  close(): void {
    this.#log.sync()
    this.#log.close()
  }
}
