/**
 * The handler of the queue `prints`. Runs on worker threads. It looks at no signal: one print never ends.
 */
import { defineHandler, type QueueHandler } from 'millrace'
import { type Print, printsQueue } from './queues.ts'

const printing: QueueHandler<Print> = defineHandler(printsQueue, {
  message({ key, value: { page, sheets, sentMs } }) {
    for (let sheet = 0; sheet !== sheets; sheet++);
    return { customer: key, page, waitedMs: Date.now() - sentMs }
  },
})

export default printing
