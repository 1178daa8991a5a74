/** What an attaching thread sends to the control thread, and the answer. Types only. */
import type { MessagePort } from 'node:worker_threads'

/** Ports between an attached thread and the control thread; the first says when either has ended. */
export interface AttachPorts {
  /** Control calls. */
  readonly api: MessagePort
  /** Calls to the thread's members. */
  readonly members: MessagePort
  /** Notices to the thread. The first one is the answer: `attached`, or `brokerFailed` with the reason. */
  readonly notices: MessagePort
}

/** The message to the control thread. */
export interface AttachRequest extends AttachPorts {
  /** The secret of the ticket. */
  readonly millrace: string
}
