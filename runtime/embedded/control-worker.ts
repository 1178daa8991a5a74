/**
 * Tells the control thread its work, and hands over how it is called and heard. The creating thread.
 *
 * What it says before it is ready is only whether it failed. If it does not come to be ready it is ended, and nothing of it stays.
 */
import { randomUUID } from 'node:crypto'
import type { Memory } from 'sharedarraybuffer-ring'
import { connect } from '../../actors/control-port.ts'
import { createChannel, receiveMessage } from '../../actors/world.ts'
import type { BrokerNotice, ControlBoot, OwnerControlApi } from '../wire/control-calls.ts'
import { fromWire, MillraceError } from '../words/errors.ts'
import type { Connection } from './connection.ts'
import type { LaunchedControl } from './control-launch.ts'
import { ticketText } from './ticket.ts'

type ReadyNotice = Extract<BrokerNotice, { readonly kind: 'ready' }>

/** @throws MillraceError `MILL_THREAD_LOST`, or what the thread failed with */
export async function startControl(launched: LaunchedControl, boot: ControlBoot, memory: Memory): Promise<Connection> {
  const { worker, lost } = launched
  const secret = randomUUID()
  const api = createChannel()
  const members = createChannel()
  const notices = createChannel()
  const ports = { api: api.port2, members: members.port2, notices: notices.port2 }
  launched.start({ boot, ...ports, secret }, Object.values(ports))
  const remote = connect<OwnerControlApi>(api.port1, { name: 'the control thread', lost })
  let listener: ((notice: BrokerNotice) => void) | null = null
  const { place, schedules } = await new Promise<ReadyNotice>((resolve, reject) => {
    const heard = (notice: BrokerNotice): void => {
      if (notice.kind === 'ready') resolve(notice)
      else if (listener !== null) listener(notice)
      else if (notice.kind === 'brokerFailed') reject(fromWire(notice.error))
    }
    const gone = (how: string): void => {
      // Its last notices may still wait in the port, and say why it ended.
      for (let said = receiveMessage(notices.port1); said !== undefined; said = receiveMessage(notices.port1))
        heard(said.message as BrokerNotice)
      reject(new MillraceError('MILL_THREAD_LOST', `the control thread ${how} while the broker was created`))
    }
    void lost.then(gone)
    notices.port1.on('message', heard)
  }).catch(async (error: unknown) => {
    await worker.terminate()
    // A thread that was over before it was told has taken none of them, and an open port keeps the process alive.
    for (const { port1, port2 } of [api, members, notices]) {
      port1.close()
      port2.close()
    }
    throw error
  })
  const hear = (heard: (notice: BrokerNotice) => void): void => {
    listener = heard
    notices.port1.unref()
    worker.unref()
  }
  return {
    isAttached: false,
    remote,
    memory,
    place,
    schedules,
    members: members.port1,
    ticket: ticketText({ pid: process.pid, thread: worker.threadId, secret }),
    lost: lost.then(
      how =>
        new MillraceError(
          'MILL_THREAD_LOST',
          `the control thread ${how}; the broker is closed. This is a defect of millrace: please report it`,
        ),
    ),
    hear,
    ref: () => worker.ref(),
    unref: () => worker.unref(),
    end: async () => {
      await worker.terminate()
    },
  }
}
