/** Why the signal of a message that is cancelled was aborted. Any thread. */
import { MillraceError } from '../words/errors.ts'

export function cancelledError({ topic, id }: { readonly topic: string; readonly id: string }): MillraceError {
  return new MillraceError('MILL_CANCELLED', `message ${id} of queue ${topic} was cancelled`)
}
