/**
 * `createBroker` and `attachBroker`, which load the broker when the first one is made.
 *
 * Any thread. A handler's thread imports the door for `defineHandler` and for the classes of errors, and makes no
 * broker: the broker's modules would be three quarters of its load. Clocks and timers are loaded with the door
 * (actors/world.ts), so that fakes installed in between do not reach them. Options are checked when they are given.
 */
import { deniedError } from './api/denied.ts'
import { LaunchedControl } from './embedded/control-launch.ts'
import { type CheckedBrokerOptions, checkAttachOptions, checkBrokerOptions } from './options/broker-options.ts'
import type { AttachOptions, Broker, BrokerOptions } from './words/broker.ts'

/**
 * Starts a broker in this process: a control thread, one or more threads for partitions, and handler threads for each
 * run. The process ends by itself while the broker has no open run, loop or subscription, and no waiting publish.
 * Otherwise it stays until `close`.
 *
 * @throws MillraceError `MILL_UNKNOWN_OPTION`, `MILL_INVALID_OPTION`, `MILL_OUT_OF_RANGE`; `MILL_MEMORY` when the
 *   system gives no shared memory of that size; `MILL_THREAD_LOST` when its threads cannot start
 * @example
 * const broker = await createBroker()
 * const orders = await broker.topic('orders', { partitions: 12 })
 * await orders.publish({ key: 'customer-1', value: { amount: 5 } })
 * await broker.close()
 */
export async function createBroker(options?: BrokerOptions): Promise<Broker> {
  const checked = checkBrokerOptions(options)
  const launched = launch(checked)
  const { serveBroker } = await import('./api/broker.ts').catch(async (error: unknown) => {
    await launched.abandon()
    throw error
  })
  return serveBroker(checked, launched)
}

/** Started before the broker's modules are loaded: its own take as long. */
function launch({ partitionThreads, dir }: CheckedBrokerOptions): LaunchedControl {
  try {
    return new LaunchedControl(partitionThreads)
  } catch (error) {
    throw deniedError(error, dir) ?? error
  }
}

/**
 * Uses a broker that another thread of this process has opened, on this thread. `ticket` is what `broker.ticket()` returned there. Records
 * go through shared memory, and not through the other thread.
 *
 * Topics, queues, exchanges, groups, loops, requests and named producers work as on the other thread. Deletions, schedules and events of the
 * whole broker stay there: here they fail with `MILL_UNSUPPORTED`. `close()` lets go of the broker on this thread only. When this thread
 * ends, by whatever cause, what it began ends with it, and what it was handling is handed out again.
 *
 * @throws MillraceError `MILL_UNKNOWN_OPTION`; `MILL_INVALID_OPTION` for what is no ticket of this process; `MILL_CONFIG_MISMATCH` for one of another
 *   version of millrace; `MILL_CLOSED` when the broker is closed; `MILL_FULL` beyond 256 attached threads; `MILL_MEMORY`; `MILL_TIMEOUT` when the
 *   main thread was busy for 30 s; `MILL_THREAD_LOST` when the broker ends meanwhile; `MILL_UNSUPPORTED` where the runtime cannot attach threads
 * @example
 * // main.js: new Worker('./app.js', { workerData: { ticket: broker.ticket() } })
 * const broker = await attachBroker(workerData.ticket)
 * const orders = await broker.topic('orders')
 * await orders.publish({ key: 'customer-1', value: { amount: 5 } })
 * await broker.close()
 */
export async function attachBroker(ticket: string, options?: AttachOptions): Promise<Broker> {
  const { logger } = checkAttachOptions(options)
  const { joinBroker } = await import('./api/broker.ts')
  return joinBroker(ticket, logger)
}
