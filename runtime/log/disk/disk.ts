/**
 * The file system as the log uses it: few operations, all of them synchronous but one, paths absolute.
 *
 * Only the control thread (before partition hosts start) and partition hosts write. Readers on other threads open files
 * of their own, to read. Everything in this room takes a `Disk` and never `node:fs`, so that a simulation can cut the
 * power between any two calls. Every failure throws a `DiskError` that names the operation and the path. After one from
 * `write` or `sync` the content of the file is unknown, and its owner must not continue with it.
 *
 * Durability: written bytes survive the process. They survive a loss of power once `sync` of that file has returned. A
 * name (a file created, renamed or removed) survives it once `syncDirectory` of its folder has returned. Until then
 * each piece of 512 bytes may have reached the disk or not, in any order.
 */
export interface Disk {
  /**
   * Opens a file. `create`: new, fails if there is one; `write`: there already, to read and write; `read`: to read.
   *
   * @throws DiskError; ForeignFileError (log-errors.ts) where a folder, pipe, socket or device has the file's name
   */
  open(path: string, how: 'create' | 'write' | 'read'): DiskFile
  /** Names in a folder, sorted; empty if there is no such folder. */
  list(folder: string): string[]
  /** Makes a folder and those above it; nothing if it exists. */
  makeFolder(folder: string): void
  /** Gives a file another name in the same folder, in place of whatever has it. */
  rename(from: string, to: string): void
  /** Removes a file; nothing if it is not there. */
  remove(path: string): void
  /** Removes a folder that is empty; nothing if it is not there. */
  removeFolder(folder: string): void
  /** Makes names in this folder survive a loss of power. Does nothing where the system cannot (Windows). */
  syncDirectory(folder: string): void
}

export interface DiskFile {
  readonly path: string
  /** Bytes. */
  size(): number
  /** Writes all parts one after the other from this byte on; short writes are gone on with. */
  write(parts: readonly Uint8Array[], position: number): void
  /** Fills `into` from this byte on; returns how many bytes there were, fewer only at the end of the file. */
  read(into: Uint8Array, position: number): number
  /** Makes what was written survive a loss of power (fdatasync). */
  sync(): void
  /** The same in the background: `done` is called later on this thread, with the error or null. */
  syncLater(done: (error: DiskError | null) => void): void
  /** Cuts the file to so many bytes. */
  truncate(bytes: number): void
  close(): void
}

/** A file operation failed. Its owner turns it into a coded error for callers. */
export class DiskError extends Error {
  readonly operation: string
  readonly path: string
  /** The system's code, such as ENOSPC or EIO. */
  readonly errno: string

  constructor(operation: string, path: string, errno: string, cause?: unknown) {
    super(`${operation} of ${path} failed: ${errno}`, cause === undefined ? undefined : { cause })
    this.name = 'DiskError'
    this.operation = operation
    this.path = path
    this.errno = errno
  }
}
