/**
 * A process with a poisoned queue on disk: `node queue-poison-child.fixture.js FOLDER DURABILITY LIFE`.
 *
 * The first one sends all messages. Lines: `b MESSAGE FAILED` before a message is handled, `e MESSAGE` when it is, `l MESSAGE REASON` for each dead
 * letter once the queue is empty, and `empty`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { openBroker } from '../../api/broker.ts'
import type { Durability } from '../../words/message.ts'
import { POISONED } from './queue-poison.fixture.ts'
import { say } from './say.fixture.ts'

const [dir, durability, life] = process.argv.slice(2) as [string, Durability, string]

async function main(): Promise<void> {
  const broker = await openBroker({ dir, logger: false })
  const queue = await broker.queue<number>(POISONED.queue, { durability, attempts: 5 })
  if (life === '1') await queue.sendBatch(Array.from({ length: POISONED.messages }, (_, value) => ({ value })))
  const handle = async ({
    value,
    failedAttempts,
  }: {
    readonly value: number
    readonly failedAttempts: number
  }): Promise<void> => {
    say(`b ${value} ${failedAttempts}`)
    if (value === POISONED.poison) process.abort()
    await sleep(1)
    say(`e ${value}`)
  }
  const run = await queue.handle(handle, { prefetch: 10, concurrency: 4 })
  await run.idle()
  for await (const { value, reason } of broker.deadLetters<number>(POISONED.queue).browse())
    say(`l ${value} 0 ${reason}`)
  await broker.close()
  say('empty')
}

await main()
