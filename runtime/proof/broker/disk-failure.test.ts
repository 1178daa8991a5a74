/** A disk that fails under a broker: what it says, what still goes, and that nobody writes there any more. Real threads and files. */
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sessions } from '../../api/broker.ts'
import type { Session } from '../../embedded/session.ts'
import type { Broker, BrokerEvents, Run, Topic } from '../../index.ts'
import { MEMORY_TUNING } from '../../wire/memory-tuning.ts'
import { folderOf, rejection } from '../fixtures/broker.fixture.ts'

const VALUE = 'x'.repeat(1_000)
/** All that is published is in memory: its folder is gone, and nobody could read it from there. */
const TUNING = { journalBytes: 1_048_576, memory: { ...MEMORY_TUNING, restBytes: 131_072 } }

interface Failed {
  readonly broker: Broker
  readonly topic: Topic<string>
  readonly run: Run
  /** Offsets that a group of it was handed. */
  readonly handled: readonly number[]
  readonly events: BrokerEvents['failed'][]
  /** Records acknowledged before. */
  readonly acknowledged: number
}

/** A broker whose topic could not begin its next segment: the folder that it was to be in is gone. */
async function failing(open: () => Promise<Broker>, dir: string): Promise<Failed> {
  const broker = await open()
  const events: BrokerEvents['failed'][] = []
  broker.on('failed', event => events.push(event))
  const topic = await broker.topic<string>('orders', { partitions: 1, segmentBytes: 65_536 })
  const handled: number[] = []
  const run = await topic.group('g').handle(({ offset }) => void handled.push(offset))
  for (let count = 0; count < 5; count++) await topic.publish({ value: VALUE })
  for (const name of readdirSync(join(dir, 'topics'))) rmSync(join(dir, 'topics', name), { recursive: true })
  for (let acknowledged = 5; ; acknowledged++) {
    const refused = await topic.publish({ value: VALUE }).then(
      () => null,
      (error: Error) => error,
    )
    if (refused === null) continue
    if (!/ENOENT/.test(refused.message)) throw refused
    return { broker, topic, run, handled, events, acknowledged }
  }
}

t.test('it is told once, nothing more is written, and what was acknowledged is still read', async t => {
  const { dir, open } = folderOf(t, TUNING)
  const { topic, run, handled, events, acknowledged } = await failing(open, dir)
  for (let turn = 0; turn < 3; turn++)
    t.match(await rejection(topic.publish({ value: VALUE })), { code: 'MILL_DISK', message: /open it again/ })
  await run.idle()
  t.strictSame(
    handled,
    Array.from({ length: acknowledged }, (_, offset) => offset),
  )
  t.match(events, [{ error: { code: 'MILL_DISK', message: /ENOENT/ } }])
})

t.test('a partition host that dies after it has no successor: the broker is closed, and says why', async t => {
  const { dir, open } = folderOf(t, TUNING)
  const { broker, topic, events } = await failing(open, dir)
  t.ok(await (sessions.get(broker) as Session).ask(control => control.killPartitionHost(0, 0)))
  const error = await rejection(topic.publish({ value: VALUE }, { timeoutMs: 20_000 }))
  t.match(error, { code: 'MILL_DISK', message: /none may write in its place.*ENOENT/ })
  t.equal(broker.closed, true)
  t.match(events.at(-1), { error: { code: 'MILL_DISK' } })
})
