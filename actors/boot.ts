/**
 * The first module of every host thread, behind the pool's `filename` (boot-door.cts).
 *
 * Runs on the host thread. A pool whose `filename` fails at load hangs for ever, so this module imports nothing that
 * can fail. It begins to load the behaviour's module at once, so that a thread can be made ready ahead of its task. It
 * reads the result inside the task, where a failure is an answer. Invariants: the task never rejects (an outcome is
 * data). An uncaught error is sent to the host as data before it ends the thread, because Node's own 'error' event
 * loses an error's own fields.
 */

import { type MessagePort, parentPort, threadId, workerData } from 'node:worker_threads'
import { toWire, type WireError } from './error-wire.ts'
import type { Outcome } from './exit-reason.ts'

/** Arguments of a behaviour module's `behave`. */
export interface BehaviourContext {
  /** Argument of `start`, cloned or transferred. */
  readonly data: unknown
  /** The other side of the incarnation's port. */
  readonly port: MessagePort
  readonly threadId: number
}

/** A behaviour module exports this as `behave`; the thread ends when it returns or resolves. */
export type Behave = (context: BehaviourContext) => unknown

/** The one task of a host thread. */
export interface BootTask {
  /** URL of the behaviour module. */
  readonly behaviour: string
  readonly data: unknown
  readonly port: MessagePort
}

/** Notices of the thread to its host over the worker's own port; `millrace` tells them from messages of user code. */
export type BootNotice =
  /** The behaviour's module is loaded, or has failed to: no file of it is open any more. Sent before any task. */
  | { readonly millrace: 'loaded' }
  | { readonly millrace: 'started' }
  | { readonly millrace: 'uncaught'; readonly error: WireError }

/** The `workerData` of a host thread. */
export interface BootData {
  /** URL of the behaviour module, which is loaded ahead of the task. */
  readonly behaviour: string
}

/** How long a returning behaviour waits for its last console lines: a host that is blocked must not hold it for ever. */
const FLUSH_MS_MAX = 500

function tell(notice: BootNotice): void {
  try {
    parentPort?.postMessage(notice)
  } catch {
    // A field that cannot be cloned: the host still sees the worker's own 'error' event.
  }
}

function findBehave(module: unknown): Behave {
  if (typeof module === 'object' && module !== null && 'behave' in module && typeof module.behave === 'function') {
    return module.behave as Behave
  }
  throw new TypeError('the behaviour module does not export a function "behave"')
}

/** Console output of a worker goes through its parent's loop; the thread is terminated as soon as the task has answered. */
async function flushed(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.writableLength === 0) return
  await new Promise<void>(resolve => {
    const timer = setTimeout(resolve, FLUSH_MS_MAX)
    stream.write('', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

const loaded = (): void => tell({ millrace: 'loaded' })
import((workerData as BootData).behaviour).then(loaded, loaded)

/** Runs the behaviour and answers how it ended. */
export default async function boot(task: BootTask): Promise<Outcome> {
  process.on('uncaughtExceptionMonitor', error => tell({ millrace: 'uncaught', error: toWire(error) }))
  let behave: Behave
  try {
    behave = findBehave(await import(task.behaviour))
  } catch (error) {
    return { kind: 'loadFailed', error: toWire(error) }
  }
  tell({ millrace: 'started' })
  try {
    await behave({ data: task.data, port: task.port, threadId })
    return { kind: 'normal' }
  } catch (error) {
    return { kind: 'error', error: toWire(error) }
  } finally {
    await Promise.all([flushed(process.stdout), flushed(process.stderr)])
  }
}
