/** What one call of a queue's handler has in hand: one message, or a batch. Pure. */
import type { QueueRecordDelivery } from '../reader/queue-delivery.ts'
import type { HandlerCall } from './handler-call.ts'
import { QueueSettleable } from './queue-settleable.ts'

export type CalledDelivery = QueueRecordDelivery | QueueSettleable

export interface QueueCall {
  readonly deliveries: readonly CalledDelivery[]
  /** Messages of it that its handler has not settled. */
  left: number
  /** What its handler gave back. */
  value: unknown
  /** Whether it is handled, waits for its outputs, and is charged with nothing any more. */
  isHandled: boolean
  /** Messages of it that count as pending, and as handled. */
  pending: number
  handled: number
}

export type QueueHandlerCall = HandlerCall<QueueCall>

export function queueCall(deliveries: readonly CalledDelivery[]): QueueCall {
  return { deliveries, left: deliveries.length, value: undefined, isHandled: false, pending: 0, handled: 0 }
}

/** Messages of the call that its handler has not settled. */
export function unsettledIn({ deliveries }: QueueCall): CalledDelivery[] {
  return deliveries.filter(delivery => !(delivery instanceof QueueSettleable && delivery.settled))
}

/** What the handler gave back for a message: of a batch, if that is one value for each, and else nothing. */
export function valueFor({ deliveries, value }: QueueCall, delivery: CalledDelivery, isBatch: boolean): unknown {
  if (!isBatch) return value
  return Array.isArray(value) && value.length === deliveries.length ? value[deliveries.indexOf(delivery)] : undefined
}

/** Which of the messages `left` in a call it failed of: the only one, or the one that does not decode; undefined: nobody knows. */
export function failedIn(left: readonly CalledDelivery[], error: unknown): CalledDelivery | undefined {
  if (left.length === 1) return left[0]
  return left.find(delivery => delivery instanceof QueueSettleable && delivery.undecodable === error && error !== null)
}

/** Whether the call stays charged with what it has until it is settled: it may have ended a thread before. */
export function staysCharged(left: readonly CalledDelivery[]): boolean {
  const [first] = left
  return first !== undefined && left.length === 1 && first.goesAlone
}
