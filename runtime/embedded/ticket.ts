/**
 * The text by which a thread of this process finds a broker: version, process, control thread and a secret. Pure, any thread.
 *
 * It names no port, so it may be copied in any way and used any number of times.
 */
import { MillraceError } from '../words/errors.ts'
import { show } from '../words/names.ts'
import { VERSION } from '../words/version.ts'

export interface Ticket {
  readonly pid: number
  /** Node's number of the control thread. */
  readonly thread: number
  /** Known to the broker only, and to whoever has the ticket. */
  readonly secret: string
}

const TICKET = /^millrace:([^:]{1,64}):(\d{1,10}):(\d{1,10}):([0-9a-f-]{36})$/

export function ticketText({ pid, thread, secret }: Ticket): string {
  return `millrace:${VERSION}:${pid}:${thread}:${secret}`
}

/** @throws MillraceError MILL_INVALID_OPTION: no ticket, or of another process; MILL_CONFIG_MISMATCH: of another version */
export function readTicket(text: unknown, pid: number): Ticket {
  const [, version, process, thread, secret] = (typeof text === 'string' ? TICKET.exec(text) : null) ?? []
  if (secret === undefined)
    throw new MillraceError(
      'MILL_INVALID_OPTION',
      `attachBroker takes the text that broker.ticket() returned, not ${show(text)}: pass it to this thread, as in \`workerData: { ticket: broker.ticket() }\``,
    )
  if (Number(process) !== pid)
    throw new MillraceError(
      'MILL_INVALID_OPTION',
      `this ticket is of process ${process}, and this is process ${pid}: a broker is used by threads of its own process only`,
    )
  if (version !== VERSION)
    throw new MillraceError(
      'MILL_CONFIG_MISMATCH',
      `this ticket is of millrace ${version}, and this thread has loaded millrace ${VERSION}: let both load the same package`,
    )
  return { pid, thread: Number(thread), secret }
}
