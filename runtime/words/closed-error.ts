/** What a broker says that is closed. Leaf module, any thread. */
import { MillraceError } from './errors.ts'

/** Error of a call after `close`, or of one that was not answered before it. */
export function closedError(): MillraceError {
  return new MillraceError(
    'MILL_CLOSED',
    'the broker is closed: await each call before you close it, or open a new broker',
  )
}
