/**
 * How far each group is on each partition of one host, as it is kept on disk from one process to the next.
 *
 * The partition host's thread; one state log (log/store/state-log.ts) for each host, an entry for each member. What is in it may
 * be older than what happened: records settled since then are delivered again, and dead letters appended since are found in
 * their topic, from `letters` on. At most once nothing is delivered again, and so what is in it is ahead of what happened:
 * no record from `ceiling` on was handed out (ceiling.ts).
 *
 * Bound: what groups keep of failures, FAILURES_MAX for each member.
 */

import type { Disk } from '../log/disk/disk.ts'
import { StateLog } from '../log/store/state-log.ts'
import type { CutTail } from '../wire/folder.ts'
import type { CursorId } from '../words/quantities.ts'
import type { GroupState, KeptGroup } from './group-state.ts'
import { withinLog } from './reopened-group.ts'

export class GroupStates {
  readonly #log: StateLog
  /** What was written last. */
  readonly #written = new Map<number, GroupState>()

  /** @throws LogFileError, DiskError */
  constructor(disk: Disk, path: string, logId: Uint8Array) {
    this.#log = StateLog.open(disk, path, { logId, syncs: false })
  }

  /** What was cut off its file when it was opened. */
  get torn(): CutTail | null {
    return this.#log.torn
  }

  get(cursor: CursorId): GroupState | undefined {
    const kept = this.#log.get(`${cursor}`) as GroupState | undefined
    if (kept === undefined) return undefined
    // It may have been written before there were ceilings.
    return { ...kept, ceiling: kept.ceiling ?? kept.committed, passedOver: kept.passedOver ?? 0 }
  }

  /** Writes down those that have changed, all of them or none. @throws DiskError */
  write(groups: Iterable<KeptGroup>): void {
    const changes: [string, GroupState][] = []
    for (const group of groups) {
      const state = group.state()
      if (state === null) continue
      const { cursor } = group.place
      const last = this.#written.get(cursor)
      if (last !== undefined && isSame(last, state)) continue
      this.#written.set(cursor, state)
      changes.push([`${cursor}`, state])
    }
    if (changes.length > 0) this.#log.write(changes)
  }

  /** A log ends there: forgets, for good, what is known of records beyond. @throws DiskError */
  cut(cursors: readonly number[], end: number): void {
    const changes: [string, GroupState][] = []
    for (const cursor of cursors) {
      const kept = this.get(cursor)
      if (kept === undefined) continue
      const left = withinLog(kept, end)
      if (left !== kept) changes.push([`${cursor}`, left])
    }
    if (changes.length === 0) return
    this.#log.write(changes)
    this.#log.sync()
  }

  /** Its letters end there: those to come are looked for from there on, for good. @throws DiskError */
  cutLetters(cursor: CursorId, end: number): void {
    const kept = this.get(cursor)
    if (kept === undefined || kept.letters <= end) return
    this.#log.write([[`${cursor}`, { ...kept, letters: end }]])
    this.#log.sync()
  }

  forget(cursor: CursorId): void {
    this.#written.delete(cursor)
    if (this.#log.has(`${cursor}`)) this.#log.write([[`${cursor}`, undefined]])
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

const NUMBERS = ['committed', 'ceiling', 'passedOver', 'skipped', 'deadLettered', 'failed', 'letters'] as const

/** Nearly all have no failures, and are looked at ten times a second. */
function isSame(one: GroupState, other: GroupState): boolean {
  for (const name of NUMBERS) if (one[name] !== other[name]) return false
  return isSameList(one.failures, other.failures) && isSameList(one.beyond, other.beyond)
}

function isSameList(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && (one.length === 0 || JSON.stringify(one) === JSON.stringify(other))
}
