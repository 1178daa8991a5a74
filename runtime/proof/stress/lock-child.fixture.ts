/**
 * A process that wants a folder and publishes once it has it: `node lock-child.fixture.js FOLDER NAME`. Lines:
 *
 * ```
 * ready                        it is about to try
 * refused                      the folder is another broker's; once
 * opened                       it has the folder
 * a PARTITION OFFSET VALUE     a receipt
 * closed                       it gave the folder up, because its standard input has ended
 * failed WHY                   anything else; it ends
 * ```
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { openBroker } from '../../api/broker.ts'
import type { Broker } from '../../words/broker.ts'
import { isMillraceError } from '../../words/errors.ts'
import { LOCKED } from './lock-rounds.fixture.ts'
import { say } from './say.fixture.ts'

const [dir, name] = process.argv.slice(2) as [string, string]
const RETRY_MS = 25
const BETWEEN_MS = 5

let isOver = false
process.stdin.on('end', () => {
  isOver = true
})
process.stdin.resume()

async function take(): Promise<Broker | null> {
  for (let isRefused = false; !isOver; ) {
    try {
      return await openBroker({ dir, ...LOCKED.broker }, LOCKED.tuning)
    } catch (error) {
      if (!isMillraceError(error, 'MILL_LOCKED')) throw error
      if (!isRefused) say('refused')
      isRefused = true
      await sleep(RETRY_MS)
    }
  }
  return null
}

async function main(): Promise<void> {
  say('ready')
  const broker = await take()
  if (broker === null) return
  say('opened')
  const topic = await broker.topic<string>('work', LOCKED.topic)
  for (let count = 0; !isOver; count++) {
    const value = `${name}-${count}`
    const { partition, offset } = await topic.publish({ value })
    say(`a ${partition} ${offset} ${value}`)
    await sleep(BETWEEN_MS)
  }
  await broker.close()
  say('closed')
}

try {
  await main()
} catch (error) {
  say(`failed ${String(error)}`)
}
process.exit()
