/**
 * Starts the control thread, and hands over how it is called and heard. The creating thread.
 *
 * What it says before it is ready is only whether it failed. If it does not come to be ready it is ended, and nothing of it stays.
 */
import type { MessagePort, Worker } from 'node:worker_threads'
import { connect, type Remote } from '../../actors/control-port.ts'
import { createChannel, receiveMessage, startWorker } from '../../actors/world.ts'
import { bundleOf } from '../base/bundle.ts'
import type { BrokerNotice, ControlBoot, KeptSchedule, OwnerControlApi } from '../wire/control-calls.ts'
import type { ThreadPlace } from '../wire/link-places.ts'
import { fromWire, MillraceError } from '../words/errors.ts'

type ReadyNotice = Extract<BrokerNotice, { readonly kind: 'ready' }>

export interface ControlWorker {
  readonly worker: Worker
  readonly remote: Remote<OwnerControlApi>
  /** Of the creating thread. */
  readonly place: ThreadPlace
  /** Those that the folder has. */
  readonly schedules: readonly KeptSchedule[]
  /** At which it calls this thread's members. */
  readonly members: MessagePort
  /** How it ended, once it has. */
  readonly lost: Promise<string>
  /** Who hears what it says from now on; nothing of it keeps the process alive. */
  hear(heard: (notice: BrokerNotice) => void): void
}

/** Where its code is, as a bundler has written it. */
export function controlEntry(): URL {
  return new URL('../control/control-entry.js', import.meta.url)
}

/** @throws MillraceError `MILL_THREAD_LOST`, or what the thread failed with */
export async function startControl(boot: ControlBoot): Promise<ControlWorker> {
  const api = createChannel()
  const members = createChannel()
  const notices = createChannel()
  const worker = startWorker(bundleOf(controlEntry()), {
    name: 'millrace control',
    execArgv: [],
    workerData: { boot, api: api.port2, members: members.port2, notices: notices.port2 },
    transferList: [api.port2, members.port2, notices.port2],
  })
  const lost = new Promise<string>(resolve => {
    worker.once('error', error => resolve(`threw ${String(error)}`))
    worker.once('exit', code => resolve(`ended with code ${code}`))
  })
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
    throw error
  })
  const hear = (heard: (notice: BrokerNotice) => void): void => {
    listener = heard
    notices.port1.unref()
    worker.unref()
  }
  return { worker, remote, place, schedules, members: members.port1, lost, hear }
}
