import t from 'tap'
import type { Delivery, ManualDelivery } from '../words/delivery.ts'
import type { BatchHandler, Handler } from '../words/handler.ts'
import { defineHandler, defineTopic, isHandler } from './define.ts'

interface Order {
  readonly id: string
  readonly amount: number
}

/** Compiles only if both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(proof: Same<A, B>): boolean => proof

t.test('a topic definition is frozen and holds what was given, without defaults', async t => {
  const groups = ['billing']
  const orders = defineTopic<Order>('orders', { partitions: 8, codec: undefined, groups })
  groups.push('late')
  t.strictSame(orders, { name: 'orders', options: { partitions: 8, groups: ['billing'] } })
  t.ok(Object.isFrozen(orders) && Object.isFrozen(orders.options) && Object.isFrozen(orders.options.groups))
  t.strictSame(defineTopic('x').options, {})
})

t.test('a topic definition is checked where it is written', async t => {
  t.throws(() => defineTopic('a/b'), { code: 'MILL_INVALID_NAME' })
  t.throws(() => defineTopic('a', { partitions: 0 }), { code: 'MILL_OUT_OF_RANGE' })
  // @ts-expect-error: a mistyped option
  t.throws(() => defineTopic('a', { partitons: 1 }), { code: 'MILL_UNKNOWN_OPTION' })
})

t.test('defineHandler gives back the object itself, marked', async t => {
  const handler: Handler = { message: () => undefined }
  t.notOk(isHandler(handler))
  t.equal(defineHandler(handler), handler)
  t.ok(isHandler(handler))
  t.same(Object.keys(handler), ['message'])
  t.equal(defineHandler(defineHandler(handler)), handler, 'twice is harmless')
})

t.test('the value type comes from the topic, the state from start, the results from stop', async t => {
  const handler = defineHandler(defineTopic<Order>('orders'), {
    async start(context) {
      return { total: 0, partition: context.partition }
    },
    message(delivery, state) {
      t.ok(same<typeof delivery, Delivery<Order>>(true))
      state.total += delivery.value.amount
      // @ts-expect-error: no such field
      void delivery.value.colour
    },
    stop: state => `${state.partition}: ${state.total}`,
  })
  t.ok(same<typeof handler, Handler<Order, { total: number; partition: number }, string>>(true))
  const state = { total: 1, partition: 3 }
  handler.message({ value: { id: 'a', amount: 2 } } as Delivery<Order>, state, undefined as never)
  t.equal(handler.stop?.(state, undefined as never), '3: 3')
})

t.test('without a topic the value type is unknown, or that of the parameter', async t => {
  const plain = defineHandler({ message: delivery => t.ok(same<typeof delivery.value, unknown>(true)) })
  const typed = defineHandler({ message: (delivery: Delivery<Order>) => delivery.value.amount })
  t.ok(same<typeof plain, Handler<unknown, undefined, undefined>>(true))
  t.ok(same<typeof typed, Handler<Order, undefined, undefined>>(true))
  plain.message({} as Delivery, undefined, undefined as never)
})

t.test('a batch handler has the same types, and deliveries that it may settle', async t => {
  const handler = defineHandler(defineTopic<Order>('orders'), {
    start: () => ({ total: 0 }),
    batch(deliveries, state) {
      t.ok(same<typeof deliveries, readonly ManualDelivery<Order>[]>(true))
      for (const { value } of deliveries) state.total += value.amount
      // @ts-expect-error: no such field
      void deliveries[0]?.value.colour
    },
    stop: state => state.total,
  })
  t.ok(same<typeof handler, BatchHandler<Order, { total: number }, number>>(true))
  t.ok(isHandler(handler))
  const state = { total: 1 }
  handler.batch([{ value: { id: 'a', amount: 2 } } as ManualDelivery<Order>], state, undefined as never)
  t.equal(state.total, 3)
})

t.test('a class instance is a handler with its state in `this`', async t => {
  class Counter implements Handler {
    count = 0
    message(): number {
      return ++this.count
    }
  }
  const handler = defineHandler(new Counter())
  t.ok(isHandler(handler))
  t.equal(handler.message({} as Delivery, undefined, undefined as never), 1)
})

t.test('handlers that cannot work are refused', async t => {
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [undefined, /takes an object with a `message` function, not undefined/],
    [() => 1, /takes an object/],
    [{}, /needs a `message` function/],
    [{ start: () => 1 }, /needs a `message` function/],
    [{ message: () => 1, batch: () => 1 }, /one of `message`, `batch` and `records`, not message and batch/],
    [{ records: () => 1, batch: () => 1 }, /not batch and records/],
    [{ records: async () => 1 }, /`records` must not be async/],
    [{ batch: 1 }, /`batch` must be a function, not 1/],
    [{ message: 'x' }, /`message` must be a function, not "x"/],
    [{ message: () => 1, stop: 5 }, /`stop` must be a function/],
    [{ mesage: () => 1 }, /no function "mesage": did you mean `message`\?/],
    [
      { message: () => 1, onError: () => 1 },
      /no function "onError": a handler has `start`, one of `message`, `batch` and `records`, `stop`, and `snapshot`/,
    ],
    [Object.freeze({ message: () => 1 }), /before it is frozen/],
  ]
  for (const [handler, message] of cases)
    t.throws(() => defineHandler(handler as Handler), { code: 'MILL_HANDLER', message })
  t.throws(() => defineHandler({ name: '..', options: {} }, { message: () => 1 }), { code: 'MILL_INVALID_NAME' })
})

t.test('only a marked object is a handler', async t => {
  for (const value of [undefined, null, 5, 'handler', {}, { message: () => 1 }, () => 1]) t.notOk(isHandler(value))
  t.ok(isHandler({ [Symbol.for('millrace.handler')]: true }), 'also from another copy of the package')
})
