/**
 * Which dead letters are settled, as it is kept on disk from one process to the next.
 *
 * The partition host's thread; one state log (log/store/state-log.ts) for each host, beside that of its groups. What is written
 * here survives the process at once, and a loss of power only after `sync`: after one, letters that were replayed or purged
 * in the last second before it may be open again.
 *
 * ```
 * <topic id>/<partition>           { below }                 all letters before this offset are settled
 * <topic id>/<partition>/<piece>   [from, to, from, to, ...]   and these (settled-letters.ts)
 * ```
 *
 * Bound: that of settled-letters.ts, for each partition; a record holds the pieces that changed.
 */

import type { Disk } from '../log/disk/disk.ts'
import { StateLog } from '../log/store/state-log.ts'
import type { CutTail } from '../wire/folder.ts'
import type { PartitionId } from '../words/quantities.ts'
import { type Ranges, type SettledChange, SettledLetters } from './settled-letters.ts'

export class LetterStates {
  readonly #log: StateLog

  /** @throws LogFileError, DiskError */
  constructor(disk: Disk, path: string, logId: Uint8Array) {
    this.#log = StateLog.open(disk, path, { logId, syncs: false })
  }

  /** What was cut off its file when it was opened. */
  get torn(): CutTail | null {
    return this.#log.torn
  }

  /** As it was written last. */
  of(topic: number, partition: PartitionId): SettledLetters {
    const own = keyOf(topic, partition)
    const pieces: [number, Ranges][] = []
    for (const [key, ranges] of this.#log.entries())
      if (key.startsWith(`${own}/`)) pieces.push([Number(key.slice(own.length + 1)), ranges as Ranges])
    return new SettledLetters((this.#log.get(own) as { readonly below: number } | undefined)?.below ?? 0, pieces)
  }

  /** Writes a change down, all of it or nothing. @throws DiskError */
  write(topic: number, partition: PartitionId, { below, pieces }: SettledChange): void {
    const own = keyOf(topic, partition)
    const changes: [string, unknown][] = [[own, { below }]]
    for (const [piece, ranges] of pieces) changes.push([`${own}/${piece}`, ranges.length === 0 ? undefined : ranges])
    this.#log.write(changes)
  }

  /** The topic is no more. @throws DiskError */
  forget(topic: number): void {
    const changes: [string, unknown][] = []
    for (const [key] of this.#log.entries()) if (key.startsWith(`${topic}/`)) changes.push([key, undefined])
    this.#log.write(changes)
  }

  get isSynced(): boolean {
    return this.#log.isSynced
  }

  /** What was written survives a loss of power as well. @throws DiskError */
  sync(): void {
    if (!this.#log.isSynced) this.#log.sync()
  }

  close(): void {
    this.#log.sync()
    this.#log.close()
  }
}

function keyOf(topic: number, partition: PartitionId): string {
  return `${topic}/${partition}`
}
