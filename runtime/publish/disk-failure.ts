/** What a receipt says of a partition whose disk has failed. Pure. */
import { DISK_ERRNOS, LOCK_LOST } from '../link/link.ts'
import { MillraceError } from '../words/errors.ts'

/** `status`: of a receipt that says RECEIPT_FAILED. */
export function diskFailureOf(partition: number, status: number): MillraceError {
  const errno = DISK_ERRNOS[status >>> 4] ?? 'an unknown error'
  return errno === LOCK_LOST
    ? new MillraceError(
        'MILL_LOCKED',
        `partition ${partition} takes no more records: the broker's dir was removed, or is another broker's now. Close this broker, and open it again`,
      )
    : new MillraceError(
        'MILL_DISK',
        `partition ${partition} could not be written to disk (${errno}): its records may or may not be there when the broker's dir is opened again. Close the broker, see to the disk, and open it again`,
      )
}
