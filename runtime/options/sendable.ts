/**
 * What users hand over that goes to another thread as a structured clone: the `data` of a run, and what `stop` returns.
 *
 * Any thread. It is cloned here once before: what cannot be written throws in the midst of a call, and what cannot be read
 * again (Node 20: an error that is its own cause) never arrives, so that the call would have no answer.
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
