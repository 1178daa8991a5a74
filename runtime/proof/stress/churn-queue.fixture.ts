/**
 * A queue that comes and goes: filled from this thread and by a handler, consumed by three kinds of consumers, one dead letter, deleted.
 *
 * Main thread. Of another queue, which stays, a consumer comes and goes each time.
 */
import { type Broker, type Queue, RejectError } from '../../index.ts'

const SENT = 20
/** Of a handler that sends one more for each of so many. */
const COPIED = 5

async function handled(queue: Queue<number>, handler: Parameters<Queue<number>['handle']>[0]): Promise<void> {
  const run = await queue.handle(handler)
  // What a handler sends in the meantime is there for the second.
  await run.idle()
  await run.idle()
  await run.stop()
}

async function consumed(queue: Queue<number>, count: number): Promise<void> {
  for (let left = count; left > 0; )
    for await (const delivery of queue.consume({ prefetch: 3 })) {
      delivery.ack()
      if (--left === 0) break
    }
}

/** One turn; what was not as it should be, in words. */
export async function queueTurn(broker: Broker, lasting: Queue<number>, number: number): Promise<string[]> {
  const problems: string[] = []
  const name = `passing.${number}`
  const queue = await broker.queue<number>(name, { priorities: 2, attempts: 1 })
  await queue.sendBatch(Array.from({ length: SENT }, (_, value) => ({ value, priority: value % 2 })))
  let seen = 0
  await handled(queue, async ({ value }, context) => {
    seen++
    if (value < COPIED) await context.publish(name, { value: value + SENT })
    if (value === COPIED) throw new RejectError('never')
  })
  if (seen !== SENT + COPIED) problems.push(`turn ${number}: ${seen} messages were handled`)
  await queue.sendBatch([{ value: 1 }, { value: 2 }])
  await consumed(queue, 2)
  const letters = broker.deadLetters(queue.name)
  if ((await letters.purge({})) !== 1) problems.push(`turn ${number}: no dead letter`)
  await queue.delete()
  await lasting.send({ value: number })
  await handled(lasting, () => undefined)
  return problems
}
