/** What the control thread is started with: first what it can begin with, then its work. Types only. */
import type { MessagePort } from 'node:worker_threads'
import type { ControlBoot } from './control-calls.ts'

/** The `workerData` of the control thread. */
export interface ControlThreadData {
  /** Threads that it starts at once. */
  readonly partitionThreads: number
}

/** Its first message; null instead: there is no work, and it ends. */
export interface ControlStart {
  readonly boot: ControlBoot
  readonly api: MessagePort
  readonly members: MessagePort
  readonly notices: MessagePort
  /** Of tickets. */
  readonly secret: string
}
