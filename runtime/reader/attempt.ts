/** Handles and settles one delivery by the rules of a handler. The consumer's thread. */
import type { ManualDelivery } from '../words/delivery.ts'
import { MillraceError } from '../words/errors.ts'
import { show } from '../words/names.ts'

/**
 * Handles a delivery with a function and settles it. It is acked when the function returns or resolves. It is a failed
 * attempt when the function throws or rejects: the record is retried, and dead-lettered in the end, or at once for a
 * `RejectError`. A delivery that the function has settled itself stays so. For loops over `consume`, where a throw only
 * hands the delivery back.
 *
 * @throws MillraceError `MILL_INVALID_OPTION` without a delivery and a function
 * @returns whether it was handled; the function's error is not thrown again.
 * @example
 * for await (const delivery of group.consume({ attempts: 3 })) await attempt(delivery, ({ value }) => save(value))
 */
export async function attempt<V>(
  delivery: ManualDelivery<V>,
  fn: (delivery: ManualDelivery<V>) => unknown,
): Promise<boolean> {
  if (typeof fn !== 'function' || typeof (delivery as Partial<ManualDelivery> | null)?.nack !== 'function')
    throw new MillraceError(
      'MILL_INVALID_OPTION',
      `attempt takes a delivery, and then the function that handles it, not ${show(delivery)} and ${show(fn)}: write attempt(delivery, ({ value }) => …)`,
    )
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
