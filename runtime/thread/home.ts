/** The control thread as the members of a thread know it. Any thread with members. */
import { toWire } from '../errors.ts'
import type { HandlerControlApi } from '../protocol.ts'
import type { ThreadHome } from './attached-thread.ts'

export function homeOf(control: Pick<HandlerControlApi, 'keepSnapshot' | 'unreadable'>): ThreadHome {
  return {
    unreadable: (member, epoch, error) => void control.unreadable(member, epoch, toWire(error)).catch(() => undefined),
    keepSnapshot: (member, epoch, offset, text) => control.keepSnapshot(member, epoch, { offset, text }),
  }
}
