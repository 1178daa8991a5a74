/** How a run that is stopped may fail. The control thread. */

import type { GroupSpec } from '../wire/control-calls.ts'
import { MillraceError } from '../words/errors.ts'
import type { Farewell } from './member-handle.ts'

/** Something is asked of a run that has stopped, or is about to. */
export function stoppedError(): MillraceError {
  return new MillraceError('MILL_CLOSED', 'the run has stopped')
}

/** `heldUp`: what its members may have been busy with. */
export function lateError(spec: Pick<GroupSpec, 'group' | 'policy'>, timeoutMs: number, heldUp: string): MillraceError {
  const { group, policy } = spec
  const unfinished = policy.atMostOnce
    ? 'what is not finished is not delivered again'
    : 'what is not finished will be delivered again'
  return new MillraceError(
    'MILL_TIMEOUT',
    `group ${group} did not stop within ${Math.round(timeoutMs)} ms: ${heldUp}, and ${unfinished}`,
  )
}

/** It has stopped, but for what its handler's `stop` did. */
export function stopFailed(group: string, { partition, error }: Farewell['failures'][number]): MillraceError {
  const said = error instanceof Error ? error.message : String(error)
  return new MillraceError(
    'MILL_HANDLER',
    `group ${group} has stopped, but its handler's \`stop\` failed for partition ${partition}: ${said}`,
    { cause: error },
  )
}
