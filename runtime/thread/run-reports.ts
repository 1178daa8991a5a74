/** The control thread as the members of a thread know it. Any thread with members. */

import type { HandlerControlApi } from '../wire/control-calls.ts'
import { toWire } from '../words/errors.ts'
import type { RunReports } from './turn-taker.ts'

export function runReportsOf(
  control: Pick<HandlerControlApi, 'keepSnapshot' | 'failRun' | 'confirmQueue'>,
): RunReports {
  return {
    failRun: (cursor, epoch, error) => void control.failRun(cursor, epoch, toWire(error)).catch(() => undefined),
    keepSnapshot: (cursor, epoch, offset, text) => control.keepSnapshot(cursor, epoch, { offset, text }),
    confirm: (topic, cursor) => control.confirmQueue(topic, cursor),
  }
}
