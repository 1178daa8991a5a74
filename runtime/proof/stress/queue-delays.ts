/**
 * How long after they are due delayed messages of a queue come to their handler, by the public API. After a build:
 *
 *   npm run test:queue-delays -- [--messages N] [--durability memory|os|fsync] [--over-ms T] [--rounds R]
 *
 *   --messages    that fall due one after the other; default 100000
 *   --durability  of the queue; default memory
 *   --over-ms     time over which they do; default 1000
 *   --rounds      default 3
 *
 * All are sent before the first is due. One consumer on this thread takes them. A message is ready before its handler begins, so each was ready
 * at least as early as is measured: the figures bound the time from due to ready from above. The statistics are not asked for it, as that
 * would wake the queue. Exits with 1 when a message comes early, when one is missing
 * or comes twice, or when the 99th percentile of a round is over LATE_MS_MAX.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createBroker } from '../../create-broker.ts'
import type { Durability } from '../../words/message.ts'
import { quantile } from './within.fixture.ts'

const LATE_MS_MAX = 50
const BATCH = 1_000
/** From the first send to the first due time, for each thousand messages. */
const SENDING_MS = 60
/** Room for a message beside its bytes is a few hundred bytes. */
const MESSAGE_BYTES = 512

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '100000' },
    durability: { type: 'string', default: 'memory' },
    'over-ms': { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '3' },
  },
})
const messages = Number(values.messages)
const overMs = Number(values['over-ms'])
const durability = values.durability as Durability

interface Round {
  readonly late: Float64Array
  readonly problems: readonly string[]
}

async function round(): Promise<Round> {
  const dir = durability === 'memory' ? undefined : mkdtempSync(join(tmpdir(), 'millrace-delays-'))
  const memoryMaxBytes = 1 << 30
  const broker = await createBroker(dir === undefined ? { memoryMaxBytes } : { dir, memoryMaxBytes })
  try {
    // What is scheduled in memory has a quarter of what the queue's bytes make its window.
    const maxBytes = Math.min(128 * 1_048_576, 2 * messages * MESSAGE_BYTES)
    const queue = await broker.queue<number>('later', { durability, ...(dir === undefined ? { maxBytes } : {}) })
    const late = new Float64Array(messages).fill(Number.NaN)
    const problems: string[] = []
    const run = await queue.handle(({ value }) => {
      if (!Number.isNaN(late[value])) problems.push(`message ${value} came twice`)
      late[value] = Date.now() - dueOf(value)
    })
    const first = Date.now() + 500 + (SENDING_MS * messages) / BATCH
    const dueOf = (index: number): number => first + Math.floor((index * overMs) / messages)
    for (let from = 0; from < messages; from += BATCH) {
      const count = Math.min(BATCH, messages - from)
      const batch = Array.from({ length: count }, (_, at) => ({
        value: from + at,
        deliverAt: new Date(dueOf(from + at)),
      }))
      await queue.sendBatch(batch)
    }
    if (Date.now() > first) problems.push(`sending took ${Date.now() - first} ms longer than there was time for it`)
    await run.idle()
    for (const [index, ms] of late.entries()) {
      if (Number.isNaN(ms)) problems.push(`message ${index} never came`)
      // The wall clock has whole milliseconds.
      else if (ms < -1) problems.push(`message ${index} came ${-ms} ms before it was due`)
    }
    return { late: late.sort(), problems: problems.slice(0, 5) }
  } finally {
    await broker.close()
    if (dir !== undefined) rmSync(dir, { recursive: true })
  }
}

let failed = false
for (let left = Number(values.rounds); left > 0; left--) {
  const { late, problems } = await round()
  const sorted = [...late]
  const [half, most, worst] = [quantile(sorted, 0.5), quantile(sorted, 0.99), sorted.at(-1) ?? 0]
  console.log(
    `${messages} messages due over ${overMs} ms, ${durability}: ready, and begun, within ${half} ms (median), ${most} ms (p99), ${worst} ms (most)`,
  )
  for (const problem of problems) console.log(`FAILED ${problem}`)
  failed ||= problems.length > 0 || most > LATE_MS_MAX
}
if (failed) process.exitCode = 1
