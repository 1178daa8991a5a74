/**
 * A small durable map from strings to JSON values, in one file that is only appended to (record-log.ts).
 *
 * For values that change seldom and must survive: one thread owns it, and keeps all of it in memory. Each `write` is
 * one record, and happens whole or not at all. With `syncs` it is durable when `write` returns.
 *
 * Compaction: a file of more than GARBAGE_FACTOR times the size of its entries is written anew.
 *
 * Bounds: a record has at most STATE_RECORD_BYTES_MAX (a larger change is refused, and nothing is changed). The file
 * has at most GARBAGE_FACTOR times the live bytes or COMPACT_BYTES_MIN, plus one record. After a `DiskError` the last
 * change may or may not be on the disk: the map stays as it was, and each later write throws the same error.
 */
import type { CutTail } from '../../wire/folder.ts'
import type { Disk } from '../disk/disk.ts'
import type { StateChange, StateRecord } from '../format/state-format.ts'
import { EntriesByKind } from './entries-by-kind.ts'
import { RecordLog } from './record-log.ts'

const GARBAGE_FACTOR = 4
const COMPACT_BYTES_MIN = 64 * 1_024
/** A snapshot is split into records of about this many characters, for it need not be read in one piece. */
const SNAPSHOT_TEXT = 64 * 1_024

interface Entry {
  readonly value: unknown
  /** `[key, value]` as JSON. */
  readonly text: string
}

export interface StateLogSettings {
  /** 16 bytes. */
  readonly logId: Uint8Array
  /** Whether each write is synced before it returns. */
  readonly syncs: boolean
  /** Whether entries of one kind are asked for (entries-by-kind.ts); left out: they are not. */
  readonly hasKinds?: boolean
}

export class StateLog {
  readonly #entries: EntriesByKind<Entry>
  readonly #records: RecordLog
  /** Length of all entries' texts: characters, which is near enough to bytes for a factor of 4. */
  #live = 0

  private constructor(disk: Disk, path: string, settings: StateLogSettings) {
    this.#entries = new EntriesByKind(settings.hasKinds === true)
    this.#records = RecordLog.open(disk, path, { ...settings, kind: 'state' }, record => this.#replay(record))
    if (this.#records.isOutdated) this.#compact()
  }

  /**
   * Opens the file, or makes it.
   *
   * @throws CorruptLogError, ForeignFileError, NewerFormatError (log-errors.ts); DiskError
   */
  static open(disk: Disk, path: string, settings: StateLogSettings): StateLog {
    return new StateLog(disk, path, settings)
  }

  get path(): string {
    return this.#records.path
  }

  /** End that was cut off when the file was opened; null: none. */
  get torn(): CutTail | null {
    return this.#records.torn
  }

  get size(): number {
    return this.#entries.size
  }

  /** The file's size. */
  get bytes(): number {
    return this.#records.bytes
  }

  /** The value as JSON gives it back; not to be changed. */
  get(key: string): unknown {
    return this.#entries.get(key)?.value
  }

  has(key: string): boolean {
    return this.#entries.has(key)
  }

  /** All, or those of a kind. */
  *entries(kind?: string): Generator<[key: string, value: unknown], void, void> {
    for (const [key, { value }] of this.#entries.entries(kind)) yield [key, value]
  }

  /**
   * Writes changes, in order, all of them or none; `undefined` deletes.
   *
   * @throws TypeError for a value that JSON has no text for; RangeError if the record is too large; DiskError, for ever,
   * once an operation failed.
   */
  write(changes: readonly (readonly [key: string, value: unknown])[]): void {
    this.#records.check()
    if (changes.length === 0) return
    const texts = changes.map(([key, value]) => textOf(key, value))
    this.#records.append(`[${texts.join(',')}]`)
    for (const text of texts) this.#apply(text)
    if (this.bytes > COMPACT_BYTES_MIN && this.bytes > GARBAGE_FACTOR * this.#live) this.#compact()
  }

  /** Whether all that was written survives a loss of power. */
  get isSynced(): boolean {
    return this.#records.isSynced
  }

  /** Makes all that was written durable. */
  sync(): void {
    this.#records.sync()
  }

  close(): void {
    this.#records.close()
  }

  #replay(record: StateRecord): void {
    for (const change of JSON.parse(record.body.toString()) as StateChange[]) this.#apply(JSON.stringify(change))
  }

  /** Memory holds what a later open would read, and so takes the text instead of the caller's value. */
  #apply(text: string): void {
    const change = JSON.parse(text) as StateChange
    const [key, value] = change
    this.#live -= this.#entries.get(key)?.text.length ?? 0
    if (change.length === 1) this.#entries.delete(key)
    else {
      this.#entries.set(key, { value, text })
      this.#live += text.length
    }
  }

  #compact(): void {
    this.#records.rewrite(snapshotOf(this.#entries.values()))
  }
}

function textOf(key: string, value: unknown): string {
  if (value === undefined) return JSON.stringify([key])
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) throw new TypeError(`the value of ${JSON.stringify(key)} is not JSON`)
  return `[${JSON.stringify(key)},${text}]`
}

/** The bodies of records with these entries. */
function* snapshotOf(entries: Iterable<Entry>): Generator<string, void, void> {
  let pending: string[] = []
  let length = 0
  for (const { text } of entries) {
    pending.push(text)
    length += text.length
    if (length < SNAPSHOT_TEXT) continue
    yield `[${pending.join(',')}]`
    pending = []
    length = 0
  }
  if (pending.length > 0) yield `[${pending.join(',')}]`
}
