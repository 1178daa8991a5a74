/** Starts what the control thread is, on it: its ports, what it tells before it is ready, and who may attach. */
import { MessagePort } from 'node:worker_threads'
import { connect, serve } from '../../actors/control-port.ts'
import { setErrorWire } from '../../actors/error-wire.ts'
import type { SpareThreads } from '../../actors/host-thread.ts'
import { storeError } from '../log/store/store-errors.ts'
import type { AttachPorts, AttachRequest } from '../wire/attaching.ts'
import type { BrokerNotice } from '../wire/control-calls.ts'
import type { ControlStart } from '../wire/control-start.ts'
import type { MemberApi } from '../wire/member-calls.ts'
import { fromWire, toWire } from '../words/errors.ts'
import { ControlThread } from './control-thread.ts'

/** What another thread of the process sends to this one. */
type Sent = Partial<AttachRequest> | null | undefined

/** The thread's work. `hosts`: threads that it may take for its hosts. Returns who takes what other threads of the process send. */
export function control(
  { boot, api, members, notices, secret }: ControlStart,
  hosts: SpareThreads,
): (sent: unknown) => void {
  setErrorWire({ toWire, fromWire: wire => fromWire(wire as Parameters<typeof fromWire>[0]) })
  const remote = connect<MemberApi>(members, {
    name: 'the main thread',
    lost: new Promise(() => undefined),
    pendingMax: Number.POSITIVE_INFINITY,
  })
  // A blocked main thread is no reason to give its members up.
  const tell = (notice: BrokerNotice): void => notices.postMessage(notice)
  try {
    const thread = new ControlThread(boot, hosts, { members: remote.withDeadline(2 ** 31 - 1), tell })
    serve(api, thread.ownerApi())
    thread.ready().then(
      () => {
        tell({ kind: 'ready', place: thread.ownerPlace, schedules: thread.schedules })
        thread.tellCuts()
      },
      (error: unknown) => tell({ kind: 'brokerFailed', error: toWire(error) }),
    )
    return sent => {
      const { millrace, ...ports } = (sent as Sent) ?? {}
      if (isAttaching(ports)) {
        if (millrace === secret) void thread.admit(ports)
        else for (const port of [ports.api, ports.members, ports.notices]) port.close()
      }
    }
  } catch (error) {
    tell({ kind: 'brokerFailed', error: toWire(storeError(error)) })
    return () => undefined
  }
}

function isAttaching(ports: Partial<AttachPorts>): ports is AttachPorts {
  return [ports.api, ports.members, ports.notices].every(port => port instanceof MessagePort)
}
