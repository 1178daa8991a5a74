/**
 * A program whose threads log without ever waiting: main and two workers, one file.
 *
 *   node dist/ring/examples/logger/main.js [file, default app.log] [lines of each, default 100000]
 */
import { Worker } from 'node:worker_threads'
import type { ChatterData } from './chatter.ts'
import { chatter } from './chatter.ts'
import { Logger } from './logger.ts'

const [file = 'app.log', lines = '100000'] = process.argv.slice(2)
const logger = new Logger({ target: file })
const log = logger.log()

for (const name of ['orders', 'billing']) {
  const data: ChatterData = { place: logger.place(), name, lines: Number(lines) }
  new Worker(new URL('./chatter.js', import.meta.url), { workerData: data })
}
chatter(log, 'main', Number(lines))
// There is nothing to close: the process ends when all is done, and the remaining lines are written before.
