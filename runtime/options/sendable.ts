/**
 * User values that go to another thread as a structured clone: the `data` of a run, and the result of `stop`.
 *
 * Any thread. The value is cloned here once in advance. A value that cannot be written would throw in the middle of a
 * call. A value that cannot be read again never arrives (Node 20: an error that is its own cause), so the call would
 * get no answer.
 */
import { MillraceError, toWire } from '../words/errors.ts'

/** @throws MillraceError `MILL_UNSERIALISABLE`; `what` begins the sentence */
export function checkSendable(value: unknown, what: string): void {
  try {
    structuredClone(value)
  } catch (cause) {
    throw new MillraceError(
      'MILL_UNSERIALISABLE',
      `${what} cannot be sent to another thread (${toWire(cause).message}): make it of plain data, without functions and getters`,
      { cause },
    )
  }
}
