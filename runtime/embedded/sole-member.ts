/**
 * Joins a group with a member of this thread, and leaves it: what `handle`, `consume`, `observe`, `stream` and the port of
 * engines have in common. The creating thread.
 */
import type { RunMember } from '../delivery/handler-member.ts'
import type { QueueRunSpec, RunSpec } from '../wire/control-calls.ts'
import type { RunShape } from '../wire/member-calls.ts'
import type { Session } from './session.ts'

/**
 * Starts a run whose only member is this thread. `open` is called when it has a number and before anything is assigned to the
 * member; `release` lets the process end again.
 */
export async function joinAlone<T>(
  session: Session,
  spec: RunSpec | QueueRunSpec,
  member: (shape: RunShape) => RunMember,
  open: (run: number, release: () => void) => T,
): Promise<T> {
  const release = session.hold()
  let joining: number | null = null
  try {
    const { run, shape } = await session.ask(control => control.startRun(spec), 'for ever')
    session.members.set(run, member(shape))
    joining = run
    const opened = open(run, release)
    await session.ask(control => control.joinRun(run), 'for ever')
    return opened
  } catch (error) {
    if (joining === null) release()
    else runEnded(session, joining, release)
    throw error
  }
}

/** Asks for the end of a run, and tells its member here. Resolves with what the handlers' `stop` returned. */
export function stopRun(session: Session, run: number, timeoutMs: number): Promise<readonly unknown[]> {
  session.members.get(run)?.leaving?.()
  return session.ask(control => control.stopRun(run, timeoutMs), 'for ever')
}

/** A run has ended: nothing more comes to its member here, if it has one, and the process may end without it. */
export function runEnded(session: Session, run: number, release: () => void): void {
  session.runs.letGo(run)
  session.members.get(run)?.abandon()
  session.members.delete(run)
  release()
}
