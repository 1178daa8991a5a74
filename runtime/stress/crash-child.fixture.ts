/**
 * A process with a broker on disk that is killed: `node crash-child.fixture.js FOLDER DURABILITY LIFE POINT`.
 *
 * It publishes to `work` and handles that in a group, as fast as it can. Lines, each by a write that has reached the pipe when
 * it returns: `opened`; `s SEQUENCE` before values below that are published; `a PARTITION OFFSET SEQUENCE` for each receipt;
 * `h PARTITION OFFSET` by the handler; `at POINT` when its partition host stands still at the named point, after which it
 * kills itself. Without a point (`-`) it goes on until it is killed.
 */
import { openBroker, sessions } from '../broker.ts'
import { FAULT_POINT, type FaultPoint } from '../layout.ts'
import type { Session } from '../session.ts'
import type { Durability } from '../types.ts'
import { CRASHED, type CrashValue } from './crashes.fixture.ts'
import { say } from './say.fixture.ts'

const [dir, durability, life, point] = process.argv.slice(2) as [string, Durability, string, string]
const BATCH = 64

async function main(): Promise<void> {
  const broker = await openBroker({ dir, logger: false }, { journalBytes: CRASHED.journalBytes })
  const work = await broker.topic<CrashValue>('work', { ...CRASHED.topic, durability })
  await work.group('g').run({ handler: new URL('./crash-handler.fixture.js', import.meta.url), threads: 1 })
  say('opened')
  if (point !== '-') void dieAt(sessions.get(broker) as Session, point as FaultPoint)
  for (let sequence = 0; ; ) {
    const from = sequence
    sequence += BATCH
    say(`s ${sequence}`)
    const receipts: Promise<void>[] = []
    for (let at = from; at < sequence; at++) {
      const value = { life: Number(life), sequence: at, text: 'x'.repeat(at % 997) }
      const published = work.publish({ key: `key-${at % CRASHED.keys}`, value })
      receipts.push(published.then(({ partition, offset }) => say(`a ${partition} ${offset} ${at}`)))
    }
    await Promise.all(receipts)
  }
}

async function dieAt(session: Session, name: FaultPoint): Promise<void> {
  const isThere = await session.ask(control => control.haltPartitionHost(0, FAULT_POINT[name]))
  say(isThere ? `at ${name}` : `not at ${name}`)
  process.kill(process.pid, 'SIGKILL')
}

await main()
