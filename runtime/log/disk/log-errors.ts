/**
 * Faults in the files of a log, as classes, so that code that opens a log can tell the cases apart.
 *
 * Leaf, any thread. Internal: callers of the broker get coded errors that are made of these elsewhere. A failed file
 * operation is none of them, but a `DiskError` (disk.ts).
 */

/** A file of the log is not what it must be; `position` is the first byte that is known to be wrong. */
export class LogFileError extends Error {
  override readonly name: string = 'LogFileError'
  readonly file: string
  readonly position: number
  readonly why: string

  constructor(file: string, position: number, why: string) {
    super(`${file} at byte ${position}: ${why}`)
    this.file = file
    this.position = position
    this.why = why
  }
}

/** Bytes that the log once wrote are gone or changed. */
export class CorruptLogError extends LogFileError {
  override readonly name: string = 'CorruptLogError'
}

/** The file belongs to another log, another partition, or to no log at all. It is never written to or removed. */
export class ForeignFileError extends LogFileError {
  override readonly name: string = 'ForeignFileError'
}

/** The file was written by a later version, in a format that this one does not know. */
export class NewerFormatError extends LogFileError {
  override readonly name: string = 'NewerFormatError'
  /** Version in the file; null where it is unknown. */
  readonly version: number | null

  constructor(file: string, position: number, why: string, version: number | null = null) {
    super(file, position, why)
    this.version = version
  }
}

/** The offset lies before the start of the log: retention has removed it. */
export class OffsetGoneError extends Error {
  override readonly name: string = 'OffsetGoneError'
  readonly offset: number
  /** The first offset that there still is. */
  readonly earliest: number

  constructor(offset: number, earliest: number) {
    super(`offset ${offset} is gone: the log starts at ${earliest}`)
    this.offset = offset
    this.earliest = earliest
  }
}
