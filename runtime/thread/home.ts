/** The control thread as the members of a thread know it. Any thread with members. */

import type { HandlerControlApi } from '../wire/control-calls.ts'
import { toWire } from '../words/errors.ts'
import type { ThreadHome } from './attached-thread.ts'

export function homeOf(control: Pick<HandlerControlApi, 'keepSnapshot' | 'unreadable'>): ThreadHome {
  return {
    unreadable: (member, epoch, error) => void control.unreadable(member, epoch, toWire(error)).catch(() => undefined),
    keepSnapshot: (member, epoch, offset, text) => control.keepSnapshot(member, epoch, { offset, text }),
  }
}
