/**
 * A file of records that is only appended to (state-format.ts), and written anew once most of it is outdated.
 *
 * One thread owns it. Each `append` is one record, and happens whole or not at all. With `syncs` it is durable when
 * `append` returns. Without, it survives the process at once, and a loss of power after the next `sync` or rewriting.
 * After each of these the file stores its length, so that a missing end is noticed, and differs from an end that a loss
 * of power has torn.
 *
 * Rewriting: the new content is written under `<path>.new`, synced, renamed, and the folder synced. Under its own name
 * there is therefore always a whole file. A file left under the other name was never in use, and is removed.
 *
 * Bounds: a record has at most STATE_RECORD_BYTES_MAX, and a larger one is refused. When to rewrite is its owner's
 * matter. After a `DiskError` the last record may or may not be on the disk, and each later call throws the same error.
 */
import { posix } from 'node:path'
import type { CutTail } from '../../wire/folder.ts'
import type { Disk, DiskFile } from '../disk/disk.ts'
import {
  isSameExtent,
  type RecordFileKind,
  STATE_HEADER_BYTES,
  STATE_RECORD_BYTES_MAX,
  STATE_VERSION,
  type StateRecord,
  stateExtent,
  stateHeader,
  stateRecord,
} from '../format/state-format.ts'
import { scanState, stateHeaderOf } from '../recovery/state-scan.ts'
import { writeAgain } from '../recovery/write-again.ts'

/** Between two steps of the file, for tests that end the process there. */
export type RecordFault = 'recordWritten' | 'rewritten' | 'renamed'

export interface RecordLogSettings {
  /** 16 bytes. */
  readonly logId: Uint8Array
  /** Whether each record is synced before `append` returns. */
  readonly syncs: boolean
  readonly kind: RecordFileKind
  /** Called at each of these points; by default nothing is. */
  readonly fault?: (point: RecordFault) => void
}

type Body = string | Uint8Array

export class RecordLog {
  readonly path: string
  readonly #disk: Disk
  readonly #settings: RecordLogSettings
  #file: DiskFile
  #size: number
  #madeBytes: number
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
  /** Whether it is of an earlier version: its owner writes it anew before anything else. */
  readonly isOutdated: boolean

  private constructor(
    disk: Disk,
    path: string,
    settings: RecordLogSettings,
    file: DiskFile,
    replay: (record: StateRecord) => void,
  ) {
    this.path = path
    this.#disk = disk
    this.#settings = settings
    this.#file = file
    const { logId, kind } = settings
    const { version, extent, madeBytes } = stateHeaderOf(file, logId, kind)
    const take = (record: StateRecord): void => {
      replay(record)
      this.#next = record.sequence + 1
    }
    this.torn = scanState(file, logId, take, kind)
    if (this.torn !== null) file.truncate(this.torn.position)
    this.#size = file.size()
    this.#madeBytes = madeBytes
    this.#extent = extent?.number ?? 1
    // Values that are read count as durable, so they must be, whether their writer had synced them or not.
    writeAgain(file, 0, this.#size)
    file.sync()
    this.isOutdated = version !== STATE_VERSION
    if (!this.isOutdated) this.#synced()
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
   * Opens the file, or makes it; `replay` receives each record in order, before this returns.
   *
   * @throws CorruptLogError, ForeignFileError, NewerFormatError (log-errors.ts); DiskError
   */
  static open(disk: Disk, path: string, settings: RecordLogSettings, replay: (record: StateRecord) => void): RecordLog {
    const folder = posix.dirname(path)
    disk.makeFolder(folder)
    const names = disk.list(folder)
    if (names.includes(posix.basename(`${path}.new`))) disk.remove(`${path}.new`)
    if (!names.includes(posix.basename(path))) makeFile(disk, path, settings, [])
    // A writer may have died after it had renamed the file, and before that was durable.
    else disk.syncDirectory(folder)
    const file = disk.open(path, 'write')
    try {
      return new RecordLog(disk, path, settings, file, replay)
    } catch (error) {
      file.close()
      throw error
    }
  }

  /** The file's size. */
  get bytes(): number {
    return this.#size
  }

  /** The size with which it was made, or written anew. */
  get madeBytes(): number {
    return this.#madeBytes
  }

  /** @throws DiskError, once an operation failed */
  check(): void {
    if (this.#failure !== null) throw this.#failure
  }

  /**
   * Writes a record.
   *
   * @throws RangeError if it is too large; DiskError, for ever, once an operation failed
   */
  append(body: Body): void {
    this.check()
    const record = stateRecord(body, this.#next, this.#syncedBelow, this.#size)
    if (record.length > STATE_RECORD_BYTES_MAX)
      throw new RangeError(`a record of ${record.length} bytes; at most ${STATE_RECORD_BYTES_MAX} are allowed`)
    this.#guard(() => {
      this.#file.write([record], this.#size)
      this.#settings.fault?.('recordWritten')
      if (this.#settings.syncs) this.#file.sync()
      this.#size += record.length
      this.#next++
      if (this.#settings.syncs) this.#synced()
      else this.#say()
    })
  }

  /** Whether all that was written survives a loss of power. */
  get isSynced(): boolean {
    return this.#syncedBelow === this.#next
  }

  /** Makes all that was written durable. */
  sync(): void {
    this.#guard(() => {
      this.#file.sync()
      this.#synced()
    })
  }

  /** Puts a file with these records, and no others, in its place; durable when this returns. */
  rewrite(bodies: Iterable<Body>): void {
    this.#guard(() => {
      this.#file.close()
      const made = makeFile(this.#disk, this.path, this.#settings, bodies)
      this.#file = this.#disk.open(this.path, 'write')
      this.#size = made.bytes
      this.#madeBytes = made.bytes
      this.#next = made.next
      this.#syncedBelow = made.next
      this.#syncedBytes = made.bytes
      this.#extent = 1
      this.#durableExtent = 1
    })
  }

  close(): void {
    this.#file.close()
  }

  #guard(act: () => void): void {
    this.check()
    try {
      act()
    } catch (error) {
      this.#failure = error
      throw error
    }
  }
}

/** Makes a whole file of these records, and only then gives it its name. */
function makeFile(
  disk: Disk,
  path: string,
  { logId, kind, fault }: RecordLogSettings,
  bodies: Iterable<Body>,
): { readonly bytes: number; readonly next: number } {
  const parts: Buffer[] = []
  let bytes = STATE_HEADER_BYTES
  let next = 1
  for (const body of bodies) {
    const record = stateRecord(body, next, next, bytes)
    parts.push(record)
    bytes += record.length
    next++
  }
  const fresh = `${path}.new`
  const file = disk.open(fresh, 'create')
  file.write([stateHeader(logId, bytes, kind), ...parts], 0)
  file.sync()
  file.close()
  fault?.('rewritten')
  disk.rename(fresh, path)
  fault?.('renamed')
  disk.syncDirectory(posix.dirname(path))
  return { bytes, next }
}
