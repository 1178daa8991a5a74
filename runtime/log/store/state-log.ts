/**
 * A small durable map from strings to JSON values, in one file that is only appended to.
 *
 * For values that change seldom and must survive: one thread owns it, and keeps all of it in memory. Each `write` is
 * one record (state-format.ts) and happens whole or not at all. With `syncs` it is durable when `write` returns.
 * Without, it survives the process at once, and a loss of power after the next `sync` or compaction. After each of
 * these the file stores its length, so that a missing end is noticed, and differs from an end that a loss of power has
 * torn.
 *
 * Compaction: a file of more than GARBAGE_FACTOR times the size of its entries is written anew under `<path>.new`,
 * synced, renamed, and the folder synced. Under its own name there is therefore always a whole file. A file left under
 * the other name was never in use, and is removed.
 *
 * Bounds: a record has at most STATE_RECORD_BYTES_MAX (a larger change is refused, and nothing is changed). The file
 * has at most GARBAGE_FACTOR times the live bytes or COMPACT_BYTES_MIN, plus one record. After a `DiskError` the last
 * change may or may not be on the disk: the map stays as it was, and each later write throws the same error.
 */
import { posix } from 'node:path'
import type { CutTail } from '../../wire/folder.ts'
import type { Disk, DiskFile } from '../disk/disk.ts'
import {
  isSameExtent,
  STATE_HEADER_BYTES,
  STATE_RECORD_BYTES_MAX,
  STATE_VERSION,
  type StateChange,
  type StateRecord,
  stateExtent,
  stateHeader,
  stateRecord,
} from '../format/state-format.ts'
import { scanState, stateHeaderOf } from '../recovery/state-scan.ts'
import { writeAgain } from '../recovery/write-again.ts'

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
}

export class StateLog {
  readonly path: string
  readonly #disk: Disk
  readonly #settings: StateLogSettings
  readonly #entries = new Map<string, Entry>()
  #file: DiskFile
  #size: number
  /** Length of all entries' texts: characters, which is near enough to bytes for a factor of 4. */
  #live = 0
  #next = 1
  #syncedBelow = 1
  /** Number of the last extent in the file. */
  #extent = 1
  /** Number of the last one that is durable: it stays as it is until another one is. */
  #durableExtent = 1
  #syncedBytes = 0
  #failure: unknown = null
  /** End that was cut off when the file was opened; null: none. */
  readonly torn: CutTail | null

  private constructor(disk: Disk, path: string, settings: StateLogSettings, file: DiskFile) {
    this.path = path
    this.#disk = disk
    this.#settings = settings
    this.#file = file
    const { version, extent } = stateHeaderOf(file, settings.logId)
    this.torn = scanState(file, settings.logId, record => this.#replay(record))
    if (this.torn !== null) file.truncate(this.torn.position)
    this.#size = file.size()
    this.#extent = extent?.number ?? 1
    // Values that are read count as durable, so they must be, whether their writer had synced them or not.
    writeAgain(file, 0, this.#size)
    file.sync()
    if (version === STATE_VERSION) this.#synced()
    else this.#compact()
  }

  /** All that was written is durable, and the file says so. */
  #synced(): void {
    this.#syncedBelow = this.#next
    this.#syncedBytes = this.#size
    this.#durableExtent = this.#extent
    this.#say()
  }

  /** Stores the length in the file, behind the written and synced records. */
  #say(): void {
    const next = this.#extent + 1
    this.#extent = isSameExtent(next, this.#durableExtent) ? next + 1 : next
    const said = { number: this.#extent, syncedBytes: this.#syncedBytes, writtenBytes: this.#size }
    const { bytes, position } = stateExtent(said)
    this.#file.write([bytes], position)
  }

  /**
   * Opens the file, or makes it.
   *
   * @throws CorruptLogError, ForeignFileError, NewerFormatError (log-errors.ts); DiskError
   */
  static open(disk: Disk, path: string, settings: StateLogSettings): StateLog {
    const folder = posix.dirname(path)
    disk.makeFolder(folder)
    const names = disk.list(folder)
    if (names.includes(posix.basename(`${path}.new`))) disk.remove(`${path}.new`)
    if (!names.includes(posix.basename(path))) makeFile(disk, path, settings.logId, [])
    // A writer may have died after it had renamed the file, and before that was durable.
    else disk.syncDirectory(folder)
    const file = disk.open(path, 'write')
    try {
      return new StateLog(disk, path, settings, file)
    } catch (error) {
      file.close()
      throw error
    }
  }

  get size(): number {
    return this.#entries.size
  }

  /** The file's size. */
  get bytes(): number {
    return this.#size
  }

  /** The value as JSON gives it back; not to be changed. */
  get(key: string): unknown {
    return this.#entries.get(key)?.value
  }

  has(key: string): boolean {
    return this.#entries.has(key)
  }

  *entries(): Generator<[key: string, value: unknown], void, void> {
    for (const [key, { value }] of this.#entries) yield [key, value]
  }

  /**
   * Writes changes, in order, all of them or none; `undefined` deletes.
   *
   * @throws TypeError for a value that JSON has no text for; RangeError if the record is too large; DiskError, for ever,
   * once an operation failed.
   */
  write(changes: readonly (readonly [key: string, value: unknown])[]): void {
    if (this.#failure !== null) throw this.#failure
    if (changes.length === 0) return
    const texts = changes.map(([key, value]) => textOf(key, value))
    const record = stateRecord(`[${texts.join(',')}]`, this.#next, this.#syncedBelow, this.#size)
    if (record.length > STATE_RECORD_BYTES_MAX)
      throw new RangeError(`a record of ${record.length} bytes; at most ${STATE_RECORD_BYTES_MAX} are allowed`)
    try {
      this.#file.write([record], this.#size)
      if (this.#settings.syncs) this.#file.sync()
      this.#size += record.length
      this.#next++
      if (this.#settings.syncs) this.#synced()
      else this.#say()
      for (const text of texts) this.#apply(text)
      if (this.#size > COMPACT_BYTES_MIN && this.#size > GARBAGE_FACTOR * this.#live) this.#compact()
    } catch (error) {
      this.#failure = error
      throw error
    }
  }

  /** Whether all that was written survives a loss of power. */
  get isSynced(): boolean {
    return this.#syncedBelow === this.#next
  }

  /** Makes all that was written durable. */
  sync(): void {
    if (this.#failure !== null) throw this.#failure
    try {
      this.#file.sync()
      this.#synced()
    } catch (error) {
      this.#failure = error
      throw error
    }
  }

  close(): void {
    this.#file.close()
  }

  #replay(record: StateRecord): void {
    for (const change of JSON.parse(record.body.toString()) as StateChange[]) this.#apply(JSON.stringify(change))
    this.#next = record.sequence + 1
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
    const texts: string[] = []
    for (const { text } of this.#entries.values()) texts.push(text)
    this.#file.close()
    const made = makeFile(this.#disk, this.path, this.#settings.logId, texts)
    this.#file = this.#disk.open(this.path, 'write')
    this.#size = made.bytes
    this.#next = made.next
    this.#syncedBelow = made.next
    this.#syncedBytes = made.bytes
    this.#extent = 1
    this.#durableExtent = 1
  }
}

function textOf(key: string, value: unknown): string {
  if (value === undefined) return JSON.stringify([key])
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) throw new TypeError(`the value of ${JSON.stringify(key)} is not JSON`)
  return `[${JSON.stringify(key)},${text}]`
}

/** Makes a whole file of these entries, and only then gives it its name. */
function makeFile(
  disk: Disk,
  path: string,
  logId: Uint8Array,
  texts: readonly string[],
): { readonly bytes: number; readonly next: number } {
  const parts: Buffer[] = []
  let bytes = STATE_HEADER_BYTES
  let next = 1
  let pending: string[] = []
  let length = 0
  const seal = (): void => {
    const record = stateRecord(`[${pending.join(',')}]`, next, next, bytes)
    parts.push(record)
    bytes += record.length
    next++
    pending = []
    length = 0
  }
  for (const text of texts) {
    pending.push(text)
    length += text.length
    if (length >= SNAPSHOT_TEXT) seal()
  }
  if (pending.length > 0) seal()
  const fresh = `${path}.new`
  const file = disk.open(fresh, 'create')
  file.write([stateHeader(logId, bytes), ...parts], 0)
  file.sync()
  file.close()
  disk.rename(fresh, path)
  disk.syncDirectory(posix.dirname(path))
  return { bytes, next }
}
