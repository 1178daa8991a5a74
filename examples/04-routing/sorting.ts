/**
 * The handler of the queue `raw`: what does a line say, and where does it go from here?
 *
 * Runs on worker threads. Each of them finds the targets by itself; a line is acked when all targets have it.
 */
import { defineHandler, type QueueHandler } from 'millrace'
import { logExchange, parseLine, rawQueue } from './exchanges.ts'

const sorting: QueueHandler<string> = defineHandler(rawQueue, {
  async message({ value }, _state, context) {
    const line = parseLine(value)
    if (line === null)
      await context.route(logExchange, 'unreadable', { value: { facility: 'cron', severity: 'info', text: value } })
    else await context.route(logExchange, `${line.facility}.${line.severity}`, { value: line })
  },
})

export default sorting
