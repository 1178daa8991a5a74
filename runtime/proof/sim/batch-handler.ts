/**
 * The handler of batches of a simulation's queue: it does what the messages say, one by one or by failing as a whole.
 *
 * Whichever simulated thread handles. A batch that fails with more than one message unsettled charges nobody: its messages come again
 * in halves.
 */
import { setTimeout } from '../../../actors/world.ts'
import { defineHandler } from '../../options/define.ts'
import type { ManualDelivery } from '../../words/delivery.ts'
import { RejectError } from '../../words/errors.ts'
import type { BatchHandler } from '../../words/handler.ts'
import { type HandlerPlan, type Lab, letterOf, type Value } from './lab.ts'

type Consumer = ReturnType<Lab['consumer']>

/** As `lab.handler`, for a queue whose handlers take batches. */
export function batchHandler(lab: Lab, plan: HandlerPlan): BatchHandler<Value, Consumer, string> {
  const { start, stop } = lab.handler(plan)
  return defineHandler<Value, Consumer, string>({
    start: start as (context: never) => Consumer | Promise<Consumer>,
    async batch(deliveries, consumer) {
      for (const delivery of deliveries) {
        lab.delivered(consumer, plan.name, delivery)
        lab.whenOverdue(delivery, consumer, plan.name)
      }
      for (const delivery of deliveries) await handleOne(lab, plan, delivery, consumer, deliveries)
      for (const delivery of deliveries) if (!delivery.settled) lab.settled(consumer, plan.name, delivery, 'handled')
    },
    stop: stop as (consumer: Consumer) => string,
  })
}

async function handleOne(
  lab: Lab,
  { name, handlerTimeoutMs }: HandlerPlan,
  delivery: ManualDelivery<Value>,
  consumer: Consumer,
  all: readonly ManualDelivery<Value>[],
): Promise<void> {
  const { scheduler } = lab
  const { chance } = scheduler
  const thread = scheduler.current
  const letter = letterOf(delivery)
  // The application's own thread is ended by nobody.
  const isMain = thread === null || thread.kind === 'main'
  if (delivery.settled) return
  if (chance.happens(0.05)) {
    lab.settled(consumer, name, delivery, 'released')
    delivery.release()
  } else if (letter === 'K' || letter === 'L')
    await sleep(letter === 'K' ? chance.below(10) : handlerTimeoutMs + chance.between(-10, 40))
  else if (letter === 'x') {
    lab.settled(consumer, name, delivery, 'rejected')
    delivery.reject(new RejectError('refused'))
  } else if (letter === 'e' && !isMain) {
    scheduler.stop(thread, { kind: 'exit', code: 1 })
    scheduler.check()
  } else if (letter === 'l' && !isMain) scheduler.freeze()
  else if (letter === 'n' && !isMain) await new Promise(() => undefined)
  else if (!'kbS'.includes(letter)) {
    if (chance.happens(0.5)) {
      lab.settled(consumer, name, delivery, 'failed')
      delivery.nack(new Error('nacked'))
      return
    }
    const left = all.filter(({ settled }) => !settled)
    for (const each of left) lab.settled(consumer, name, each, left.length > 1 ? 'released' : 'failed')
    throw new Error('the batch fails')
  } else if (chance.happens(0.3)) {
    lab.settled(consumer, name, delivery, 'handled')
    delivery.ack()
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(() => resolve(), ms))
}
