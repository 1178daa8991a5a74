/** How a run that is stopped may fail. The control thread. */

import type { RunShape } from '../wire/member-calls.ts'
import { MillraceError } from '../words/errors.ts'
import type { Farewell } from './member-handle.ts'
import { ownerOf } from './run-shape.ts'

/** Something is asked of a run that has stopped, or is about to. */
export function stoppedError(): MillraceError {
  return new MillraceError('MILL_CLOSED', 'the run has stopped')
}

/** `heldUp`: what its members may have been busy with. */
export function lateError(shape: RunShape, timeoutMs: number, heldUp: string): MillraceError {
  const unfinished = shape.atMostOnce
    ? 'what is not finished is not delivered again'
    : 'what is not finished will be delivered again'
  return new MillraceError(
    'MILL_TIMEOUT',
    `${ownerOf(shape)} did not stop within ${Math.round(timeoutMs)} ms: ${heldUp}, and ${unfinished}`,
  )
}

/** It has stopped, but for what its handler's `stop` did. */
export function stopFailed(shape: RunShape, { partition, error }: Farewell['failures'][number]): MillraceError {
  const where = shape.topic.queue === undefined ? ` for partition ${partition}` : ''
  const said = error instanceof Error ? error.message : String(error)
  return new MillraceError(
    'MILL_HANDLER',
    `${ownerOf(shape)} has stopped, but its handler's \`stop\` failed${where}: ${said}`,
    { cause: error },
  )
}
