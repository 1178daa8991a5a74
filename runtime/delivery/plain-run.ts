/**
 * Records that are handed out one after the other in one entry of the user's context, for as long as each ends plainly.
 *
 * The handling thread; one per executor. To enter a context costs as much as to hand out a record. So what is next in the fetch
 * goes out in the same entry, if nothing is known of it, and if the call before it has left nothing in the context. What ends in
 * another way (a result, a promise, an error, publishes) is the executor's affair, outside. Bound: a fetch, and what `mayGoOn` says.
 */
import { RecordDelivery } from '../reader/delivery.ts'
import type { DeliveryContext } from './delivery-context.ts'
import type { ExecutorSetting } from './executor-setting.ts'
import { countTurn } from './on-stack.ts'

export class PlainRun {
  /** What the handler was called with last; null: it ended plainly. */
  inHand: RecordDelivery | null = null
  /** As of CursorRun: any handler can be used. */
  readonly unusable = null
  readonly #setting: ExecutorSetting
  readonly #userState: unknown
  /** Whether the next record may be handed out; asked after each that ended plainly. */
  readonly #mayGoOn: () => boolean
  #isSingle = false

  constructor(setting: ExecutorSetting, userState: unknown, mayGoOn: () => boolean) {
    this.#setting = setting
    this.#userState = userState
    this.#mayGoOn = mayGoOn
  }

  /**
   * Calls the handler with a delivery that counts as handed out, and with those behind it. Returns what it returned for `inHand`,
   * and throws what it threw then. `isSingle`: no end of this one is plain.
   */
  begin(delivery: RecordDelivery, context: DeliveryContext, isSingle: boolean): unknown {
    this.inHand = delivery
    this.#isSingle = isSingle
    return this.#setting.userContext.call(this.#run, this, delivery, context)
  }

  #run(first: RecordDelivery, context: DeliveryContext): unknown {
    const { handler, reader, thread, userContext } = this.#setting
    const message = handler.message as NonNullable<typeof handler.message>
    // Users can write that of a delivery.
    let { offset } = first
    for (let delivery = first; ; ) {
      const result: unknown = message.call(handler, delivery, this.#userState, context)
      if (result !== undefined || context.outstanding > 0 || this.#isSingle) return result
      reader.returned(offset + 1)
      if (!userContext.isUntouched || !this.#mayGoOn() || !reader.nextUnknown()) {
        this.inHand = null
        return undefined
      }
      offset = reader.offset
      delivery = new RecordDelivery(reader.frame, reader.at, offset, 1, 0)
      this.inHand = delivery
      reader.handOut(offset)
      countTurn(thread)
    }
  }
}
