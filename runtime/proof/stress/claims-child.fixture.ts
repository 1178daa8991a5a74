/**
 * A process that handles at most once and is killed: `node claims-child.fixture.js FOLDER DURABILITY PACE_MS POINT`.
 *
 * It publishes to `work` as fast as it can, up to BACKLOG_MAX, and hands that out. Lines, each by a write that has reached the
 * pipe when it returns: `opened`; `h PARTITION OFFSET` by the handler, before it does anything else; `p PARTITION FROM TO` of
 * what is passed over; `at POINT` when its partition host stands still at the named point, after which it kills itself.
 * Without a point (`-`) it goes on until it is killed.
 */
import { openBroker } from '../../api/broker.ts'
import type { FaultPoint } from '../../wire/layout.ts'
import type { Durability } from '../../words/message.ts'
import { CLAIMED } from './claims.fixture.ts'
import { dieAtHalt } from './death.fixture.ts'
import { say } from './say.fixture.ts'

const [dir, durability, paceMs, point] = process.argv.slice(2) as [string, Durability, string, string]
const BATCH = 256
/** More than a ceiling is ahead, in each partition. */
const BACKLOG_MAX = 8_192

async function main(): Promise<void> {
  const broker = await openBroker({ dir, logger: false }, { journalBytes: CLAIMED.journalBytes })
  broker.on('passedOver', ({ partition, from, to }) => say(`p ${partition} ${from} ${to}`))
  const work = await broker.topic('work', { ...CLAIMED.topic, durability })
  const handler = new URL('./claims-handler.fixture.js', import.meta.url)
  const run = await work.group('g').run({ handler, threads: 1, delivery: 'at-most-once', data: Number(paceMs) })
  say('opened')
  if (point !== '-') void dieAtHalt(broker, point as FaultPoint)
  for (;;) {
    await work.publishBatch(Array.from({ length: BATCH }, (_, n) => ({ key: `key-${n % 32}`, value: n })))
    while ((await run.stats()).lag > BACKLOG_MAX) await new Promise(resolve => setTimeout(resolve, 5))
  }
}

await main()
