/**
 * Processes with exchanges on one folder, killed one after the other; after each death the parent looks at what is there.
 *
 * The parent. A look takes all messages away, so that each of them is seen once. Bound: what one process publishes in its life.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openBroker } from '../../api/broker.ts'
import { openHouse, ROUTES, TOPIC, TUNING } from './exchange-killed.fixture.ts'
import { ExchangeKillOracle } from './exchange-killed-oracle.fixture.ts'
import { drawMoment, liveUntilKilled } from './killed-child.fixture.ts'

const CHILD = new URL('./exchange-killed-child.fixture.js', import.meta.url)

/** Lets processes die on a folder of its own; `died` is called after each death. */
export async function killExchanges(deaths: number, died: (count: number) => void): Promise<ExchangeKillOracle> {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-exchange-kills-'))
  const oracle = new ExchangeKillOracle()
  oracle.hasOneHost = true
  try {
    let seen = 0
    for (let life = 0; life < deaths && oracle.problems.length === 0; life++) {
      const drawn = drawMoment(0.1)
      const { code, trouble } = await liveUntilKilled({
        module: CHILD,
        args: [dir, `${life}`],
        moment: drawn.moment,
        hear(line) {
          if (line === 'opened') drawn.begin()
          else oracle.hear(line)
        },
      })
      if (code !== null) oracle.problems.push(`life ${life} ended by itself with code ${code}: ${trouble}`)
      oracle.ended()
      seen = await look(dir, oracle, seen, life % 3 === 2 ? 2 : 1)
      died(life + 1)
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
  return oracle
}

/** How many records the topic has had. `partitionThreads`: another number is another way of recovery. */
async function look(dir: string, oracle: ExchangeKillOracle, seen: number, partitionThreads: number): Promise<number> {
  const broker = await openBroker({ dir, logger: false, partitionThreads }, TUNING)
  try {
    const { exchanges, queues, topic } = await openHouse(broker)
    const found = new Map<string, Map<string, number>>()
    const note = (target: string, key: string): void => {
      const messages = found.get(target) ?? new Map<string, number>()
      found.set(target, messages.set(key, (messages.get(key) ?? 0) + 1))
    }
    for (const queue of queues) {
      found.set(queue.name, new Map())
      for await (const { value } of queue.browse()) note(queue.name, value.key)
      await queue.purge()
    }
    found.set(TOPIC, new Map())
    let records = 0
    for await (const { value } of topic.replay()) if (records++ >= seen) note(TOPIC, value.key)
    const routes: (readonly string[])[] = []
    for (const [exchange, key] of ROUTES) routes.push(await exchanges[exchange].route(key))
    oracle.routes(routes)
    oracle.found(found)
    return records
  } finally {
    await broker.close()
  }
}
