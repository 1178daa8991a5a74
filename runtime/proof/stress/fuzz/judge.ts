/** Which rules a history breaks: a sentence for each, with the records concerned. Pure. */
import { judgeCalls } from './call-rules.ts'
import type { FuzzEvent } from './events.ts'
import { judgeGroups } from './group-rules.ts'
import { Indexed } from './indexed.ts'
import { judgeLogs } from './log-rules.ts'
import { judgeStates } from './state-rules.ts'
import { withUnfinishedSeeks } from './unfinished-seeks.ts'

export function judge(events: readonly FuzzEvent[]): string[] {
  const calls = judgeCalls(events)
  // A program that broke off says nothing of the rest.
  if (!events.some(event => event.e === 'end') || events.some(event => event.e === 'returned' && event.code === 'HANG'))
    return calls
  const history = new Indexed(withUnfinishedSeeks(events))
  return [...calls, ...judgeLogs(history), ...judgeGroups(history), ...judgeStates(history)]
}
