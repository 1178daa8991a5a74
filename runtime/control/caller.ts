/**
 * A thread that makes control calls, starts runs, and may be a member of them. Types only; the control thread.
 *
 * The thread that opened the broker is one, and so is each attached thread. Handler threads are none.
 */
import type { Calls } from '../../actors/control-port.ts'
import type { BrokerNotice } from '../wire/control-calls.ts'
import type { MemberApi } from '../wire/member-calls.ts'
import type { ThreadEntry } from './catalog-entries.ts'

export interface Caller {
  readonly thread: ThreadEntry
  readonly members: Calls<MemberApi>
  /** Whether the thread has ended: it writes no more, and what it handled is charged. */
  readonly hasEnded: () => boolean
  tell(notice: BrokerNotice): void
}
