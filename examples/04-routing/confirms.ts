/** Tutorial 7, publisher confirms: one at a time, in windows of a hundred, and all at once. */
import type { Broker } from 'millrace'

export interface Confirmed {
  readonly messages: number
  /** Messages a second. */
  readonly oneByOne: number
  readonly inWindows: number
  readonly atOnce: number
  /** What the queue has got in the end. */
  readonly accepted: number
}

const WINDOW = 100
/** Below what a thread lets wait. */
const AT_ONCE = 5_000

export async function confirms(broker: Broker, messages: number): Promise<Confirmed> {
  const target = await broker.queue<number>('confirmed')
  const draining = await target.handle(() => undefined)
  const exchange = await broker.exchange<number>('confirms', { type: 'direct' })
  await exchange.bind(target, 'k')
  const inGroupsOf = async (size: number): Promise<number> => {
    const from = performance.now()
    for (let i = 0; i < messages; i += size) {
      const group = Array.from({ length: Math.min(size, messages - i) }, (_, n) =>
        exchange.publish('k', { value: i + n }),
      )
      await Promise.all(group)
    }
    return Math.round((1_000 * messages) / (performance.now() - from))
  }
  const oneByOne = await inGroupsOf(1)
  const inWindows = await inGroupsOf(WINDOW)
  const atOnce = await inGroupsOf(AT_ONCE)
  await draining.idle()
  const { accepted } = await target.stats()
  return { messages, oneByOne, inWindows, atOnce, accepted }
}
