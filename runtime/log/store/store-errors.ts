/** Errors of a disk, a log file or a lock, as coded errors for callers. Leaf, any thread. */
import { join } from 'node:path'
import { MillraceError } from '../../words/errors.ts'
import { DiskError } from '../disk/disk.ts'
import { type DirectoryHeldError, isDirectoryHeld, isLongPath, isUnreadableLock } from '../disk/lock-errors.ts'
import { LOCK } from '../disk/lock-names.ts'
import { LostFolderError } from '../disk/lock-watch.ts'
import { ForeignFileError, LogFileError, NewerFormatError } from '../disk/log-errors.ts'

/** Advice, by the system's code. */
const ADVICE: { readonly [errno: string]: string | undefined } = {
  ENOSPC: 'make room on the disk',
  EDQUOT: 'make room within the quota',
  EMFILE: 'let this process have more open files (ulimit -n)',
  ENFILE: 'let the system have more open files',
  EACCES: 'let this process read and write there',
  EPERM: 'let this process read and write there',
  EROFS: 'mount the disk for writing',
  EEXIST: 'it is a file, and `dir` must be a folder: give another `dir`',
  ENOTDIR: 'part of that path is a file: give another `dir`',
  ENAMETOOLONG: 'a name in that path is too long: give another `dir`',
  ELOOP: 'its links lead in a circle: give another `dir`',
}

function adviceOn({ operation, errno }: DiskError): string {
  if (operation === 'makeFolder' && errno === 'ENOENT')
    return 'part of that path is missing, or a link that leads nowhere: give another `dir`'
  return ADVICE[errno] ?? 'see to the disk'
}

/** The error itself where it is none of those. */
export function storeError(error: unknown): Error {
  if (error instanceof DiskError) {
    const said = `${error.operation} of ${error.path} failed with ${error.errno}`
    return new MillraceError('MILL_DISK', `${said}: ${adviceOn(error)}, and open the broker again`, { cause: error })
  }
  if (error instanceof LogFileError) return new MillraceError('MILL_CORRUPT', corruptText(error), { cause: error })
  if (isDirectoryHeld(error))
    return new MillraceError('MILL_LOCKED', heldText(error), { cause: error, retriable: error.loss !== 'elsewhere' })
  if (error instanceof LostFolderError)
    return new MillraceError(
      'MILL_LOCKED',
      `${error.directory} is no longer this broker's: it was removed, or its lock was removed by hand and another broker has it. This broker writes nothing more; close it, and open it again`,
      { cause: error },
    )
  if (isLongPath(error))
    return new MillraceError(
      'MILL_INVALID_OPTION',
      `dir is too long for the socket of its lock: ${error.directory} has more than ${error.bytesMax} bytes. Give a shorter dir, or a link to it`,
      { cause: error },
    )
  if (isUnreadableLock(error)) return new MillraceError('MILL_LOCKED', error.message, { cause: error })
  if (error instanceof Error && 'syscall' in error && 'path' in error && 'code' in error) {
    const said = `${error.syscall} of ${error.path} failed with ${error.code}`
    return new MillraceError(
      'MILL_DISK',
      `${said}: ${ADVICE[String(error.code)] ?? 'see to the folder'}, and open the broker again`,
      { cause: error },
    )
  }
  return error as Error
}

function heldText({ directory, loss, holder }: DirectoryHeldError): string {
  const who = holder === null ? 'a broker' : `process ${holder.pid} on ${holder.host}`
  if (loss === 'elsewhere')
    return `${directory} was taken by ${who}, and it cannot be told from here whether that has ended: it ran on another machine or before this one started, where other machines may have the folder, or has left a lock that does not say enough. Once you know that no process has the folder open, remove ${join(directory, LOCK)}`
  const known = holder?.isThisProcess === true ? 'another broker of this process' : who
  return `${directory} is in use by ${known}: a folder serves one broker at a time. Close that one, or give another dir`
}

function corruptText(error: LogFileError): string {
  const where = `${error.file} at byte ${error.position}: ${error.why}`
  if (error instanceof NewerFormatError) return `${where}; it was written by a later version of millrace: use that one`
  if (error instanceof ForeignFileError)
    return `${where}; it does not belong here, and nothing was changed. Restore the file from a copy; \`millrace verify\` shows what else is wrong`
  return `${where}; what was acknowledged there is damaged, and nothing was changed. Restore the folder from a copy; \`millrace verify\` shows all damage, and what is whole`
}
