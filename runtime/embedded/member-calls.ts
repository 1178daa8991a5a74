/** What the control thread calls on the creating thread: its members, by the run that they take part in. */
import type { RunMember } from '../delivery/handler-member.ts'
import type { MemberApi } from '../wire/member-calls.ts'
import { MillraceError } from '../words/errors.ts'

export function memberCalls(members: ReadonlyMap<number, RunMember>): MemberApi {
  const member = (run: number): RunMember => {
    const found = members.get(run)
    if (found === undefined) throw new MillraceError('MILL_CLOSED', 'the run has stopped')
    return found
  }
  return {
    assign: (run, assignment) => member(run).assign(assignment),
    revoke: async (run, slot, epoch, stop) => (await members.get(run)?.revoke(slot, epoch, stop)) ?? { held: false },
    cancel: async (run, cursor, epoch, tag, withinMs) => members.get(run)?.cancel?.(cursor, epoch, tag, withinMs),
    pause: run => member(run).pause(),
    resume: run => member(run).resume(),
  }
}
