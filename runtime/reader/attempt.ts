/** One delivery handled and settled, as a handler's would be. The consumer's thread. */
import type { ManualDelivery } from '../words/delivery.ts'

/**
 * Handles a delivery with a function and settles it: acked when that returns or resolves; a failed attempt when it throws or
 * rejects, so that it is tried again and dead-lettered in the end; dead-lettered at once for a `RejectError`. What the function
 * has settled itself stays as it is. For loops over `consume`, where a throw only hands the delivery back.
 *
 * @returns whether it was handled; what the function threw is not thrown again.
 * @example
 * for await (const delivery of group.consume({ attempts: 3 })) await attempt(delivery, ({ value }) => save(value))
 */
export async function attempt<V>(
  delivery: ManualDelivery<V>,
  fn: (delivery: ManualDelivery<V>) => unknown,
): Promise<boolean> {
  if (delivery.settled) return false
  try {
    await fn(delivery)
  } catch (error) {
    if (!delivery.settled) delivery.nack(error)
    return false
  }
  if (!delivery.settled) delivery.ack()
  return true
}
