/**
 * `createBroker`, which loads the broker when the first one is made.
 *
 * Any thread. A handler's thread imports the door for `defineHandler` and for the classes of errors, and makes no
 * broker: the broker's modules would be three quarters of its load. Clocks and timers are loaded with the door
 * (actors/world.ts), so that fakes installed in between do not reach them. Options are checked when they are given.
 */
import { checkBrokerOptions } from './options/broker-options.ts'
import type { Broker, BrokerOptions } from './words/broker.ts'

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
  const { serveBroker } = await import('./api/broker.ts')
  return serveBroker(checked)
}
