/**
 * Deliveries as an RxJS Observable with back-pressure by credit: each settlement allows one more delivery.
 *
 * The creating thread; the only file that imports rxjs. It does so when the first Observable is requested: its modules
 * would cost each thread that imports millrace as much as all of millrace's. Unsubscribing leaves the group; unsettled
 * deliveries come again. A group that gives up errors the Observable. An observer is called in the async context of its
 * `subscribe`, and so is the function of `settle`.
 */
import nodeModule from 'node:module'
import type { Observable, OperatorFunction } from 'rxjs'
import { UserContext } from '../base/user-context.ts'
import { SettleableDelivery } from '../delivery/manual-delivery.ts'
import { COUNT_MAX } from '../options/option-bounds.ts'
import { integer, invalid } from '../options/option-rules.ts'
import { check, type Filled, type Given, type Table } from '../options/option-table.ts'
import type { ManualDelivery } from '../words/delivery.ts'
import { isMillraceError } from '../words/errors.ts'
import { show } from '../words/names.ts'
import type { Join, Joined } from './delivery-iterator.ts'

interface CheckedSettleOptions extends Filled<{ readonly concurrency?: number }>, Given {}

const SETTLE: Table<CheckedSettleOptions> = { concurrency: integer(1, COUNT_MAX, 1) }

type RxJS = typeof import('rxjs')
let loaded: RxJS | undefined

/**
 * Loaded at the first call. `require` gives the same classes as an `import` of the package: Node has one copy of it.
 * `createRequire` is not imported by its name, because bundles may define that name at their top for `require`.
 */
function rxjs(): RxJS {
  loaded ??= nodeModule.createRequire(import.meta.url)('rxjs') as RxJS
  return loaded
}

export function observeDeliveries<V>(join: Join): Observable<ManualDelivery<V>> {
  const { Observable } = rxjs()
  return new Observable<ManualDelivery<V>>(subscriber => {
    const context = new UserContext()
    let left = false
    let run: Joined | null = null
    const leave = (): void => {
      left = true
      run?.stop().catch(() => undefined)
    }
    join(delivery => {
      // A subscriber that has left does not see it: it was not handed out.
      if (left) delivery.unseen = true
      else if (delivery.begin()) context.call(subscriber.next, subscriber, delivery as unknown as ManualDelivery<V>)
    }).then(
      joined => {
        run = joined
        if (left) leave()
        joined.finished.then(
          () => context.call(subscriber.complete, subscriber),
          (error: unknown) => context.call(subscriber.error, subscriber, error),
        )
      },
      (error: unknown) => {
        if (isMillraceError(error, 'MILL_ABORTED')) context.call(subscriber.complete, subscriber)
        else context.call(subscriber.error, subscriber, error)
      },
    )
    return leave
  })
}

/**
 * Handles each delivery with a function and settles it. It is acked when the function returns or resolves, nacked when
 * it throws or rejects, and dead-lettered at once for a `RejectError`. Emits the function's result for acked
 * deliveries.
 *
 * @param fn called for each delivery, at most `concurrency` of them at a time (default 1)
 * @throws MillraceError `MILL_INVALID_OPTION`, `MILL_OUT_OF_RANGE`, `MILL_UNKNOWN_OPTION`
 * @example group.observe().pipe(settle(async (delivery) => save(delivery.value), { concurrency: 8 })).subscribe()
 */
export function settle<V, R>(
  fn: (delivery: ManualDelivery<V>) => R | Promise<R>,
  options?: { readonly concurrency?: number },
): OperatorFunction<ManualDelivery<V>, R> {
  if (typeof fn !== 'function') throw invalid(`settle takes the function that handles a delivery, not ${show(fn)}`)
  const { concurrency } = check<CheckedSettleOptions>('settle', SETTLE, options)
  const { mergeMap, Observable } = rxjs()
  const one = (delivery: ManualDelivery<V>, context: UserContext): Observable<R> =>
    new Observable<R>(subscriber => {
      void run(delivery, context).then(results => {
        for (const result of results) context.call(subscriber.next, subscriber, result)
        subscriber.complete()
      })
    })
  const run = async (delivery: ManualDelivery<V>, context: UserContext): Promise<readonly R[]> => {
    // Its partition has moved while it waited for its turn: another member has it.
    const isLost = delivery instanceof SettleableDelivery && delivery.expired
    if (isLost) return []
    try {
      // A waiting delivery would otherwise run in the context of the one before.
      const result = await context.call(fn, undefined, delivery)
      if (!delivery.settled) delivery.ack()
      return [result]
    } catch (error) {
      if (delivery.settled) return []
      delivery.nack(error)
      return []
    }
  }
  return source =>
    new Observable<R>(subscriber => {
      const context = new UserContext()
      return source.pipe(mergeMap(delivery => one(delivery, context), concurrency)).subscribe(subscriber)
    })
}
