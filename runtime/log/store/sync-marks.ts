/**
 * The marks of a partition host: the durable end of each partition, and its begin. A log that ends before its mark is
 * damaged, and not torn. A log that begins later than its mark has lost its first segments.
 *
 * The partition host's thread owns its own file; all of it is synchronous. A mark has a version, one more each time. Of
 * several marks of a partition the one with the highest version holds: marks rise, but are lowered before a log is cut.
 *
 * ```
 *  <folder>/marks          of all partitions; written before any partition host starts, then only read
 *  <folder>/host-3.marks   what partition host 3 has marked since
 * ```
 *
 * The number of partition hosts, and the earlier host of a partition, therefore do not matter. Their marks are merged
 * into the first file (recover-store.ts) when the number may have changed. Both are state logs, each entry of
 * `topic-partition` durable end, version and start. Bound: one entry in memory for each partition that was ever marked.
 */
import { basename, dirname, join } from 'node:path'
import type { CutTail } from '../../wire/folder.ts'
import type { Disk } from '../disk/disk.ts'
import { scanState } from '../recovery/state-scan.ts'
import { StateLog } from './state-log.ts'

/** Mark of one partition. */
export interface Mark {
  /** Everything below this offset is durable. */
  readonly syncedTo: number
  readonly version: number
  /** Begin of the log, now or once earlier segments are removed; null: an older mark does not say it. */
  readonly startOffset: number | null
}

/** A partition, and below which offset it is durable now. */
export interface MarkChange {
  readonly topic: number
  readonly partition: number
  readonly syncedTo: number
  readonly startOffset: number
}

export function markKey(topic: number, partition: number): string {
  return `${topic}-${partition}`
}

/** Path of the marks of all partitions. */
export function marksPath(folder: string): string {
  return join(folder, 'marks')
}

/** Path of the marks of one partition host. */
export function hostMarksPath(folder: string, host: number): string {
  return join(folder, `host-${host}.marks`)
}

/** Takes over each mark of this file that is newer, durable; returns the file's torn end. A file that is not there has none. */
export function readMarks(disk: Disk, path: string, logId: Uint8Array, into: Map<string, Mark>): CutTail | null {
  if (!disk.list(dirname(path)).includes(basename(path))) return null
  const file = disk.open(path, 'write')
  try {
    // Logs are recovered by these marks, so a loss of power must not bring older ones back.
    file.sync()
    return scanState(file, logId, ({ body }) => {
      for (const [key, value] of JSON.parse(body.toString()) as [string, unknown?][]) takeMark(into, key, value)
    })
  } finally {
    file.close()
  }
}

function takeMark(into: Map<string, Mark>, key: string, value: unknown): void {
  if (value === undefined) return
  const [syncedTo, version, startOffset = null] = value as [number, number, number?]
  if (version > (into.get(key)?.version ?? 0)) into.set(key, { syncedTo, version, startOffset })
}

export class SyncMarks {
  readonly #marks = new Map<string, Mark>()
  readonly #state: StateLog

  private constructor(disk: Disk, folder: string, state: StateLog, logId: Uint8Array) {
    this.#state = state
    readMarks(disk, marksPath(folder), logId, this.#marks)
    for (const [key, value] of state.entries()) takeMark(this.#marks, key, value)
  }

  /** Throws as `StateLog.open` does. */
  static open(disk: Disk, folder: string, host: number, logId: Uint8Array): SyncMarks {
    const state = StateLog.open(disk, hostMarksPath(folder, host), { logId, syncs: true })
    try {
      return new SyncMarks(disk, folder, state, logId)
    } catch (error) {
      state.close()
      throw error
    }
  }

  /** End that was cut off this host's file. */
  get torn(): CutTail | null {
    return this.#state.torn
  }

  /** Size of this host's file. */
  get bytes(): number {
    return this.#state.bytes
  }

  /** The offset below which a partition is durable; 0 if nothing is known of it. */
  of(topic: number, partition: number): number {
    return this.#marks.get(markKey(topic, partition))?.syncedTo ?? 0
  }

  /** The offset at which a log begins at the latest, since retention says so before it removes anything; null: unknown. */
  startOf(topic: number, partition: number): number | null {
    const mark = this.#marks.get(markKey(topic, partition))
    return mark === undefined ? 0 : mark.startOffset
  }

  /** Writes these marks as one record, durable when this returns. Throws `DiskError`, from then on for ever. */
  write(changes: readonly MarkChange[]): void {
    const marks = changes.map(({ topic, partition, syncedTo, startOffset }) => {
      const key = markKey(topic, partition)
      return { key, syncedTo, version: (this.#marks.get(key)?.version ?? 0) + 1, startOffset }
    })
    this.#state.write(
      marks.map(({ key, syncedTo, version, startOffset }) => [key, [syncedTo, version, startOffset]] as const),
    )
    for (const { key, ...mark } of marks) this.#marks.set(key, mark)
  }

  /** Forgets deleted partitions. The next opening removes them from the file of all partitions. */
  forget(topic: number, partitions: readonly number[]): void {
    const keys = partitions.map(partition => markKey(topic, partition))
    for (const key of keys) this.#marks.delete(key)
    this.#state.write(keys.filter(key => this.#state.has(key)).map(key => [key, undefined] as const))
  }

  close(): void {
    this.#state.close()
  }
}
