/**
 * Reasons why a folder cannot be taken. Leaf, any thread: code that only reports them need not load the lock.
 *
 * A bundle has these classes, and so has the lock, which is loaded from beside it. So each is recognised by its name.
 */
import type { Loss } from './lock-election.ts'

/** The directory is held, perhaps by this process; or that cannot be known. */
export class DirectoryHeldError extends Error {
  override readonly name: string = 'DirectoryHeldError'
  readonly directory: string
  readonly loss: Loss
  /** Null: the holder has no lock file. */
  readonly holder: { readonly pid: number; readonly host: string; readonly isThisProcess: boolean } | null

  constructor(directory: string, loss: Loss, holder: DirectoryHeldError['holder']) {
    super(`${directory} is held by ${holder === null ? 'somebody' : `process ${holder.pid} of ${holder.host}`}`)
    this.directory = directory
    this.loss = loss
    this.holder = holder
  }
}

/** A lock file does not name its holder; it is foreign or damaged. */
export class UnreadableLockError extends Error {
  override readonly name: string = 'UnreadableLockError'
  readonly file: string

  constructor(file: string) {
    super(`${file} does not say who holds the directory; remove it if no process does`)
    this.file = file
  }
}

/** No address of a socket in the folder is short enough. */
export class LongPathError extends Error {
  override readonly name: string = 'LongPathError'
  readonly directory: string
  readonly bytesMax: number

  constructor(directory: string, bytesMax: number) {
    super(`${directory} is too long a path for a socket; a path of ${bytesMax} bytes is not`)
    this.directory = directory
    this.bytesMax = bytesMax
  }
}

/** Whether it is one, of any copy of this module. */
export function isDirectoryHeld(error: unknown): error is DirectoryHeldError {
  return isNamed(error, 'DirectoryHeldError')
}

/** Whether it is one, of any copy of this module. */
export function isUnreadableLock(error: unknown): error is UnreadableLockError {
  return isNamed(error, 'UnreadableLockError')
}

/** Whether it is one, of any copy of this module. */
export function isLongPath(error: unknown): error is LongPathError {
  return isNamed(error, 'LongPathError')
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name
}
