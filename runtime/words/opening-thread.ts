/** What an attached broker refuses, because only the thread that opened the broker does it. Any thread. */
import { MillraceError } from './errors.ts'

/** `what`: the call, as in "topic.delete()". */
export function openingThreadError(what: string): MillraceError {
  return new MillraceError(
    'MILL_UNSUPPORTED',
    `${what} is not for an attached thread, and nothing was done: call it on the thread that opened the broker`,
  )
}
