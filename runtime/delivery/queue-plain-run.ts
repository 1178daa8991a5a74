/**
 * Messages of a queue that are handed out one after the other in one entry of the user's context, for as long as each ends plainly.
 *
 * The handling thread; one per consumer. As plain-run.ts, which says why; here each message is begun and acked by itself. Bound: what
 * `mayGoOn` says.
 */
import type { UserContext } from '../base/user-context.ts'
import { QueueRecordDelivery } from '../reader/queue-delivery.ts'
import type { QueueReader } from '../reader/queue-reader.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { Handler } from '../words/handler.ts'
import type { DeliveryContext } from './delivery-context.ts'
import { countTurn } from './on-stack.ts'

export interface QueuePlainSetting {
  readonly thread: Pick<AttachedThread, 'memory' | 'address'>
  readonly reader: QueueReader
  readonly handler: Handler<unknown, unknown, unknown>
  readonly userContext: UserContext
  /** Acks each message before its handler is called. */
  readonly atMostOnce: boolean
}

export class QueuePlainRun {
  /** What the handler was called with last; null: it ended plainly. */
  inHand: QueueRecordDelivery | null = null
  readonly #setting: QueuePlainSetting
  readonly #userState: unknown
  /** Whether the next message may be handed out; asked after each that ended plainly. */
  readonly #mayGoOn: () => boolean

  constructor(setting: QueuePlainSetting, userState: unknown, mayGoOn: () => boolean) {
    this.#setting = setting
    this.#userState = userState
    this.#mayGoOn = mayGoOn
  }

  /**
   * Calls the handler with the message that the reader has begun, and with those behind it. Returns what it returned for `inHand`, and
   * throws what it threw then.
   */
  begin(context: DeliveryContext): unknown {
    return this.#setting.userContext.call(this.#run, this, context)
  }

  #run(context: DeliveryContext): unknown {
    const { handler, reader, userContext } = this.#setting
    do {
      const delivery = this.#handOut()
      const { request } = delivery
      if (request !== null) context.deadlineMs = request.deadlineMs
      const result: unknown = handler.message(delivery, this.#userState, context)
      // A request is answered where calls end that do not end plainly.
      if (result !== undefined || context.outstanding > 0 || request !== null) return result
      reader.ack(delivery.tag)
    } while (userContext.isUntouched && !context.hasSignal && this.#mayGoOn() && reader.next())
    this.inHand = null
    return undefined
  }

  #handOut(): QueueRecordDelivery {
    const { reader, thread, atMostOnce } = this.#setting
    const delivery = new QueueRecordDelivery(reader.message)
    this.inHand = delivery
    reader.slot.charge(delivery.tag)
    if (atMostOnce) reader.ack(delivery.tag)
    countTurn(thread)
    return delivery
  }
}
