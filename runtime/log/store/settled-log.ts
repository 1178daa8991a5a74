/**
 * What the queues of one partition host have settled, handed out and counted, in one file that is only appended to:
 * `host-<n>.settled`, a file of records (record-log.ts).
 *
 * The partition host's thread owns it. The changes of all its queues in a pass are one record. They survive the process at once, and a loss of power after `sync`. An idle queue writes nothing.
 *
 * What was settled depends on no other file: logs are cut, rewritten and removed without a look at this one, and after
 * it was synced. The one exception is the end of a log. A loss of power may take messages of which is said here that they
 * are settled, and others come to have their offsets. So whoever opens a queue names its log's end, and what is said
 * beyond is durably forgotten before anything is appended (`opened`).
 *
 * Memory holds what the file says. The file is written anew, in `tend`, when it has GARBAGE_FACTOR times the bytes that it
 * was made with, and at least COMPACT_BYTES_MIN.
 *
 * Bounds: those of settled-state.ts for each queue; that size, and what is written until the next `tend`. After a
 * `DiskError` each later call throws the same error.
 */
import { join } from 'node:path'
import { PagePool } from '../../base/page-pool.ts'
import type { CutTail } from '../../wire/folder.ts'
import type { Disk } from '../disk/disk.ts'
import { CorruptLogError } from '../disk/log-errors.ts'
import type { SettledChange } from '../format/settled-change.ts'
import { decodeSettled } from '../format/settled-format.ts'
import type { StateRecord } from '../format/state-format.ts'
import type { FaultPoint } from './fault-point.ts'
import { type RecordFault, RecordLog } from './record-log.ts'
import { bodiesOf, snapshotOf, wholeOf } from './settled-changes.ts'
import { SettledState } from './settled-state.ts'
import { settledName } from './store-files.ts'
import { markKey } from './sync-marks.ts'

const GARBAGE_FACTOR = 4
const COMPACT_BYTES_MIN = 4 * 1_024 * 1_024

export interface SettledLogOptions {
  /** Default COMPACT_BYTES_MIN. */
  readonly compactBytes?: number | undefined
  /** Called at each of these points; by default nothing is. */
  readonly fault?: (point: FaultPoint) => void
}

const FAULTS: Readonly<Record<RecordFault, FaultPoint>> = {
  recordWritten: 'settledWritten',
  rewritten: 'settledRewritten',
  renamed: 'settledRenamed',
}

export function settledPath(folder: string, host: number): string {
  return join(folder, settledName(host))
}

/** What records of such a file say, by queue. */
export class SettledStates {
  readonly #pool = new PagePool()
  readonly #states = new Map<string, SettledState>()

  get(topic: number, partition: number): SettledState | undefined {
    return this.#states.get(markKey(topic, partition))
  }

  values(): IterableIterator<SettledState> {
    return this.#states.values()
  }

  /** @throws CorruptLogError */
  replay(path: string, { position, body }: StateRecord): void {
    const changes = decodeSettled(body)
    if (typeof changes === 'string') throw new CorruptLogError(path, position, changes)
    for (const change of changes) this.apply(change)
    // A queue that is gone.
    for (const { topic, partition, isWhole } of changes)
      if (isWhole === true && this.get(topic, partition)?.isEmpty === true) this.remove(topic, partition)
  }

  /** The state that is different now. It stays the same one for as long as the queue is there, also while it says nothing. */
  apply(change: SettledChange): SettledState {
    const { topic, partition } = change
    const known = this.get(topic, partition)
    const state = known ?? new SettledState(this.#pool, topic, partition)
    state.apply(change)
    if (known === undefined) this.#states.set(markKey(topic, partition), state)
    return state
  }

  remove(topic: number, partition: number): void {
    this.#states.delete(markKey(topic, partition))
  }
}

export class SettledLog {
  readonly #states: SettledStates
  readonly #records: RecordLog
  readonly #compactBytes: number
  readonly #fault: (point: FaultPoint) => void
  #touched = new Set<SettledState>()

  private constructor(
    states: SettledStates,
    records: RecordLog,
    { compactBytes = COMPACT_BYTES_MIN, fault = () => undefined }: SettledLogOptions,
  ) {
    this.#states = states
    this.#records = records
    this.#compactBytes = compactBytes
    this.#fault = fault
  }

  /**
   * Opens the file, or makes it.
   *
   * @throws CorruptLogError, ForeignFileError, NewerFormatError (log-errors.ts); DiskError
   */
  static open(disk: Disk, path: string, logId: Uint8Array, options: SettledLogOptions = {}): SettledLog {
    const states = new SettledStates()
    const settings = {
      logId,
      syncs: false,
      kind: 'settled',
      fault: (at: RecordFault) => options.fault?.(FAULTS[at]),
    } as const
    const records = RecordLog.open(disk, path, settings, record => states.replay(path, record))
    return new SettledLog(states, records, options)
  }

  /** End that was cut off when the file was opened; null: none. */
  get torn(): CutTail | null {
    return this.#records.torn
  }

  /** The file's size. */
  get bytes(): number {
    return this.#records.bytes
  }

  /** Of all queues, as they were written. */
  states(): IterableIterator<SettledState> {
    return this.#states.values()
  }

  /**
   * What is known of a queue whose log begins and ends there, before anything is appended to it. It is the live state:
   * later writes change it.
   *
   * What is said of offsets from the end on is forgotten first, for good. An end that was known beyond is forgotten too.
   *
   * @throws CorruptLogError if messages that are not settled are not there; DiskError
   */
  opened(topic: number, partition: number, startOffset: number, endOffset: number): SettledState {
    const state = this.#states.get(topic, partition) ?? this.#begun(topic, partition)
    this.#touched.add(state)
    if (state.floor < startOffset) {
      const why = `messages of queue ${topic} from offset ${state.floor} on are not settled, and its log begins at ${startOffset}`
      throw new CorruptLogError(this.#records.path, 0, why)
    }
    if (state.end <= endOffset) return state
    this.#replace([...wholeOf(state, endOffset)])
    this.#fault('settledCut')
    this.sync()
    return state
  }

  /** Says other things of a queue, all of them or none: it may have been durable what they replace. */
  #replace(changes: readonly SettledChange[]): void {
    const [body, more] = bodiesOf(changes)
    if (body !== undefined && more === undefined) this.#records.append(body)
    for (const change of changes) this.#states.apply(change)
    if (more !== undefined) this.#records.rewrite(snapshotOf(this.#states.values()))
  }

  #begun(topic: number, partition: number): SettledState {
    this.#states.apply({ topic, partition })
    return this.#states.get(topic, partition) as SettledState
  }

  /** Writes these changes, each of another queue: one record, or more if it is very much. @throws DiskError */
  write(changes: readonly SettledChange[]): void {
    if (changes.length === 0) return
    for (const body of bodiesOf(changes)) this.#records.append(body)
    for (const change of changes) this.#touched.add(this.#states.apply(change))
  }

  /** Queues that were opened or written of since this was last called. */
  takeTouched(): ReadonlySet<SettledState> {
    const touched = this.#touched
    if (touched.size > 0) this.#touched = new Set()
    return touched
  }

  /** Whether all that was written survives a loss of power. */
  get isSynced(): boolean {
    return this.#records.isSynced
  }

  /** Makes all that was written durable. @throws DiskError */
  sync(): void {
    if (!this.#records.isSynced) this.#records.sync()
  }

  /** These queues are no more. Their numbers are never given again, so it need not be durable. @throws DiskError */
  forget(topic: number, partitions: readonly number[]): void {
    const known = partitions.map(partition => this.#states.get(topic, partition)).filter(state => state !== undefined)
    this.write(known.map(({ partition }) => ({ topic, partition, isWhole: true })))
    for (const state of known) {
      this.#touched.delete(state)
      this.#states.remove(topic, state.partition)
    }
  }

  /** Takes over what another host knew of a queue, in place of what is known here. It is not all or nothing. @throws DiskError */
  adopt(state: SettledState): void {
    this.write([...wholeOf(state)])
  }

  /** Writes the file anew if it is due. Synced as it is then. @throws DiskError */
  tend(): void {
    const { bytes, madeBytes } = this.#records
    if (bytes < this.#compactBytes || bytes < GARBAGE_FACTOR * madeBytes) return
    this.#records.rewrite(snapshotOf(this.#states.values()))
  }

  /** All that was written is durable then. */
  close(): void {
    this.sync()
    this.#records.close()
  }
}
