/**
 * One call of a handler with `records`: many records in one entry of the user's context, as plain-run.ts has for those with `message`.
 *
 * The handling thread; one per executor. What ends in another way than plainly is the executor's affair, outside.
 */
import { isPromiseLike, promiseOf } from '../base/promise-like.ts'
import type { RecordDelivery } from '../reader/delivery.ts'
import { MillraceError } from '../words/errors.ts'
import type { DeliveryContext } from './delivery-context.ts'
import type { ExecutorSetting } from './executor-setting.ts'
import { FetchCursor } from './fetch-cursor.ts'

export class CursorRun {
  /** The record that the handler stood on last; null: its call ended plainly. */
  inHand: RecordDelivery | null = null
  /** Why the handler cannot be used as it is, for which no record is charged: its run fails. Null: it can. */
  unusable: MillraceError | null = null
  readonly #setting: ExecutorSetting
  readonly #userState: unknown
  readonly #mayGoOn: () => boolean

  constructor(setting: ExecutorSetting, userState: unknown, mayGoOn: () => boolean) {
    this.#setting = setting
    this.#userState = userState
    this.#mayGoOn = mayGoOn
  }

  /**
   * Calls the handler with a cursor before a delivery that counts as handed out. `isSingle`: no end of that is plain.
   *
   * @throws what the handler threw, on `inHand`; or `unusable`
   */
  begin(first: RecordDelivery, context: DeliveryContext, isSingle: boolean): unknown {
    const { handler, reader, thread, userContext } = this.#setting
    const cursor = new FetchCursor({ thread, reader, context, mayGoOn: this.#mayGoOn }, first)
    const records = handler.records as NonNullable<typeof handler.records>
    let result: unknown
    try {
      result = userContext.call(records, handler, cursor, this.#userState, context)
    } finally {
      this.inHand = cursor.end()
    }
    if (isPromiseLike(result)) {
      // What becomes of it concerns nobody any more.
      promiseOf(result).catch(() => undefined)
      throw this.#cannotUse(
        'the `records` function of a handler returned a promise, and a cursor ends with its call: make the function synchronous, or give a `batch` function, which may wait',
      )
    }
    if (!cursor.hasBegun) {
      throw this.#cannotUse(
        'the `records` function of a handler returned without a call of `next`, and would be called for ever: write `while (records.next()) { … }`',
      )
    }
    if (context.outstanding > 0 || isSingle) return undefined
    reader.returned(this.inHand.offset + 1)
    this.inHand = null
    return undefined
  }

  #cannotUse(why: string): MillraceError {
    this.unusable = new MillraceError('MILL_HANDLER', why)
    return this.unusable
  }
}
