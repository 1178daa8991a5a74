/**
 * Attaches a thread of this process to a broker that another thread has opened. Any thread.
 *
 * It sends the ends of three ports to the control thread, and waits for its place in the shared memory. Node delivers the message by way of
 * the main thread, so a main thread that is busy is waited for. Records never go that way.
 */
import * as threads from 'node:worker_threads'
import { connect } from '../../actors/control-port.ts'
import { setErrorWire } from '../../actors/error-wire.ts'
import { clearTimeout, createChannel, setTimeout, viewMemory } from '../../actors/world.ts'
import type { AttachRequest } from '../wire/attaching.ts'
import type { BrokerNotice, OwnerControlApi } from '../wire/control-calls.ts'
import { closedError } from '../words/closed-error.ts'
import { fromWire, MillraceError, toWire } from '../words/errors.ts'
import type { Connection } from './connection.ts'
import { readTicket, ticketText } from './ticket.ts'

/** Longest wait for the answer. */
const ATTACH_MS = 30_000

type AttachedNotice = Extract<BrokerNotice, { readonly kind: 'attached' }>

/**
 * @throws MillraceError MILL_INVALID_OPTION, MILL_CONFIG_MISMATCH; MILL_CLOSED: the broker is closed; MILL_FULL, MILL_MEMORY;
 *   MILL_TIMEOUT: no answer; MILL_UNSUPPORTED: not with this runtime
 */
export async function attach(text: unknown): Promise<Connection> {
  const ticket = readTicket(text, process.pid)
  // Runtimes that have no such function would fail at an import of it.
  const { postMessageToThread } = threads
  if (typeof postMessageToThread !== 'function')
    throw new MillraceError(
      'MILL_UNSUPPORTED',
      'this runtime has no postMessageToThread, by which threads attach: use Node.js or Bun',
    )
  setErrorWire({ toWire, fromWire: wire => fromWire(wire as Parameters<typeof fromWire>[0]) })
  const [api, members, notices] = [createChannel(), createChannel(), createChannel()]
  const request: AttachRequest = {
    millrace: ticket.secret,
    api: api.port2,
    members: members.port2,
    notices: notices.port2,
  }
  let heard: (notice: BrokerNotice) => void = () => undefined
  let over: (error: MillraceError) => void = () => undefined
  const lost = new Promise<MillraceError>(resolve => {
    over = resolve
  })
  let timer: NodeJS.Timeout | undefined
  const closePorts = (): void => {
    for (const { port1 } of [api, members, notices]) port1.close()
  }
  try {
    const { place, memory } = await new Promise<AttachedNotice>((resolve, reject) => {
      timer = setTimeout(() => reject(new MillraceError('MILL_TIMEOUT', `no answer within ${ATTACH_MS} ms`)), ATTACH_MS)
      heard = notice => {
        if (notice.kind === 'attached') resolve(notice)
        else if (notice.kind === 'brokerFailed') reject(fromWire(notice.error))
      }
      void lost.then(() => reject(closedError()))
      notices.port1.on('message', (notice: BrokerNotice) => heard(notice))
      notices.port1.once('close', () => over(lostError()))
      postMessageToThread(ticket.thread, request, [api.port2, members.port2, notices.port2]).catch((cause: unknown) =>
        reject(new MillraceError('MILL_CLOSED', 'the broker of this ticket is closed', { cause })),
      )
    })
    notices.port1.unref()
    const remote = connect<OwnerControlApi>(api.port1, { name: 'the control thread', lost })
    return {
      isAttached: true,
      remote,
      memory: viewMemory(memory),
      place,
      schedules: [],
      members: members.port1,
      ticket: ticketText(ticket),
      lost,
      hear: listener => {
        heard = listener
      },
      ref: () => api.port1.ref(),
      unref: () => api.port1.unref(),
      // Otherwise a handler may still write: the control thread keeps the memory until this thread ends.
      end: async isClean => {
        if (isClean) closePorts()
      },
    }
  } catch (error) {
    closePorts()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

function lostError(): MillraceError {
  return new MillraceError(
    'MILL_THREAD_LOST',
    'the control thread ended, perhaps with the thread that opened the broker, and the broker is closed',
  )
}
