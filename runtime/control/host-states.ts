/**
 * Brings what partition hosts keep in state logs to the host that owns it now, when a broker is opened with another number
 * of them than before.
 *
 * The control thread, before any host is started. A partition is owned by the host of its place (placement.ts); what
 * else lies in a host's file is of an earlier number of hosts, and out of date. All is read before anything is written, and
 * the caller notes the new number after that: who dies in between does the same again, because nothing is removed from the
 * file of who owned it before.
 *
 * Bound: everything that is kept, once in memory.
 */
import { join } from 'node:path'
import type { Disk } from '../log/disk/disk.ts'
import { StateLog } from '../log/store/state-log.ts'
import type { CutTail } from '../wire/folder.ts'

/** A kind of file, `host-<n>.<kind>`, and the place of the partition of which a key in it is; null: there is none any more. */
export interface HostStates {
  readonly kind: string
  placeOf(key: string): number | null
}

export interface HandedStates {
  readonly disk: Disk
  readonly dir: string
  readonly logId: Uint8Array
  readonly before: number
  readonly now: number
  readonly onCut: (cut: CutTail) => void
}

/** Changes in one record: entries are small, and a record need not be. */
const CHANGES_MAX = 1_000

/** @throws LogFileError, DiskError */
export function handStatesOver(
  { disk, dir, logId, before, now, onCut }: HandedStates,
  { kind, placeOf }: HostStates,
): void {
  const open = (host: number): StateLog => {
    const log = StateLog.open(disk, join(dir, `host-${host}.${kind}`), { logId, syncs: false })
    if (log.torn !== null) onCut(log.torn)
    return log
  }
  const owned = new Map<string, unknown>()
  for (let host = 0; host < before; host++) {
    const log = open(host)
    for (const [key, value] of log.entries()) {
      const place = placeOf(key)
      if (place !== null && place % before === host) owned.set(key, value)
    }
    log.close()
  }
  for (let host = 0; host < now; host++) {
    const isHere = (key: string): boolean => {
      const place = placeOf(key)
      return place !== null && place % now === host
    }
    const log = open(host)
    const outdated = [...log.entries()].filter(([key]) => isHere(key) && !owned.has(key))
    const changes = [...owned].filter(([key]) => isHere(key))
    for (const [key] of outdated) changes.push([key, undefined])
    for (let at = 0; at < changes.length; at += CHANGES_MAX) log.write(changes.slice(at, at + CHANGES_MAX))
    log.sync()
    log.close()
  }
}
