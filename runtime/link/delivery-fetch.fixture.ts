/** All messages of a fetch, for tests: each as an object. */
import type { DeliveryFetch, TakenDelivery } from './delivery-fetch.ts'

export function deliveriesOf(fetch: DeliveryFetch | null): TakenDelivery[] {
  const deliveries: TakenDelivery[] = []
  while (fetch !== null && fetch.left > 0) {
    fetch.advance()
    const { tag, offset, deliveryAttempt, failedAttempts, flags, cohort, timestamp, start, end } = fetch
    deliveries.push({ tag, offset, deliveryAttempt, failedAttempts, flags, cohort, timestamp, start, end })
  }
  return deliveries
}
