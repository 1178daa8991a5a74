/** Starts what the control thread is, on it: its ports, and what it tells before it is ready. */
import type { MessagePort } from 'node:worker_threads'
import { connect, serve } from '../../actors/control-port.ts'
import { setErrorWire } from '../../actors/error-wire.ts'
import { storeError } from '../log/store/store-errors.ts'
import type { BrokerNotice, ControlBoot } from '../wire/control-calls.ts'
import type { MemberApi } from '../wire/member-calls.ts'
import { fromWire, toWire } from '../words/errors.ts'
import { ControlThread } from './control-thread.ts'

/** What the main thread hands over when it starts this one. */
export interface ControlStart {
  readonly boot: ControlBoot
  readonly api: MessagePort
  readonly members: MessagePort
  readonly notices: MessagePort
}

/** The thread's work, from its start on. */
export function control({ boot, api, members, notices }: ControlStart): void {
  setErrorWire({ toWire, fromWire: wire => fromWire(wire as Parameters<typeof fromWire>[0]) })
  const remote = connect<MemberApi>(members, { name: 'the main thread', lost: new Promise(() => undefined) })
  // A blocked main thread is no reason to give its members up.
  const tell = (notice: BrokerNotice): void => notices.postMessage(notice)
  try {
    const thread = new ControlThread(boot, remote.withDeadline(2 ** 31 - 1), tell)
    serve(api, thread.ownerApi())
    thread.ready().then(
      () => {
        tell({ kind: 'ready', place: thread.ownerPlace, schedules: thread.schedules })
        thread.tellCuts()
      },
      (error: unknown) => tell({ kind: 'brokerFailed', error: toWire(error) }),
    )
  } catch (error) {
    tell({ kind: 'brokerFailed', error: toWire(storeError(error)) })
  }
}
