/**
 * 500 queues with default options at once in the default memory, with 100 senders and a consumer each: they work, and cost nothing at rest.
 *
 *   node dist/runtime/proof/stress/many-queues.js [--queues 500] [--senders 100] [--messages 20000] [--idle 60]
 *
 * `--idle`: seconds for which nothing happens, from ten seconds behind the last message on. Fails when a message is not handled once,
 * when memory is not given back, or when all queues and consumers together use 1 % of a core while nothing happens.
 */
import { parseArgs } from 'node:util'
import { manyQueues } from './many-queues.fixture.ts'

const IDLE_PERCENT_MAX = 1

const { values } = parseArgs({
  options: {
    queues: { type: 'string' },
    senders: { type: 'string' },
    messages: { type: 'string' },
    idle: { type: 'string' },
  },
})

async function main(): Promise<void> {
  const queues = Number(values.queues ?? 500)
  const { problems, openMs, usedMiB, rssMiB, cpuUsEach, idlePercent } = await manyQueues({
    queues,
    consumers: queues,
    senders: Number(values.senders ?? 100),
    messages: Number(values.messages ?? 20_000),
    idleMs: Number(values.idle ?? 60) * 1_000,
  })
  console.log(
    `${queues} queues opened in ${(openMs / 1_000).toFixed(1)} s; ${usedMiB.toFixed(0)} MiB shared, ${rssMiB.toFixed(0)} MiB of the process; ` +
      `${cpuUsEach.toFixed(0)} us of processor time a message; idle ${idlePercent.toFixed(2)} % of a core`,
  )
  const found = [...problems]
  if (idlePercent >= IDLE_PERCENT_MAX) found.push(`idle takes ${idlePercent.toFixed(2)} % of a core`)
  for (const problem of found) console.log(`FAILED ${problem}`)
  process.exitCode = found.length === 0 ? 0 : 1
}

main()
