/**
 * A process that fills a folder with all that a broker keeps, and closes it or is killed: `node kept-folder-child.fixture.js
 * DIR closed|killed`.
 */
import { createBroker } from '../../create-broker.ts'
import type { Broker } from '../../words/broker.ts'
import type { Run } from '../../words/run.ts'
import type { Topic } from '../../words/topic.ts'
import {
  bytesOf,
  COUNT,
  FAILING,
  MOVED_TO,
  PARTITIONS,
  PICKY,
  picky,
  READINGS,
  REJECTED,
  type Reading,
  readingOf,
  SEQUENCE_COUNT,
  SEQUENCES,
  SUMMED,
  sum,
} from './kept-folder.fixture.ts'

/** Longer than what groups have done waits to be written down. */
const SETTLED_MS = 1_000

const [dir, how] = process.argv.slice(2) as [string, 'closed' | 'killed']
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at)

async function finish(starting: Promise<Run>): Promise<void> {
  const run = await starting
  await run.idle()
  await run.stop()
}

async function fill(broker: Broker): Promise<void> {
  const readings: Topic<Reading> = await broker.topic('readings', READINGS)
  const producer = await broker.producer('file', readings)
  await producer.publishBatch(numbers(0, SUMMED).map(readingOf))
  await finish(readings.group('sum').handle(sum))
  await producer.publishBatch(numbers(SUMMED, COUNT).map(readingOf))
  await finish(readings.group('once').handle(() => undefined, { delivery: 'at-most-once' }))
  await finish(readings.group('moved').handle(() => undefined))
  for (const partition of numbers(0, PARTITIONS)) await readings.group('moved').seek(MOVED_TO, { partition })

  const sequences = await broker.topic<Uint8Array>('sequences', SEQUENCES)
  await sequences.publishBatch(numbers(0, SEQUENCE_COUNT).map(number => ({ value: bytesOf(number) })))
  const passing = await broker.topic('passing', { durability: 'fsync' })
  await passing.publish({ value: 'gone' })
  await passing.delete()
  const heard = await broker.topic('heard', { durability: 'memory' })
  await heard.publish({ value: 'lost' })

  await broker.topic('accepted', { durability: 'fsync' })
  const run = await readings.group('picky').handle(picky, { ...PICKY, output: 'accepted' })
  while ((await run.stats()).lag > 1) await new Promise(resolve => setTimeout(resolve, 20))
  if (how === 'closed') await run.stop()
}

const broker = await createBroker({ dir, logger: false })
await fill(broker)
if (how === 'closed') await broker.close()
else
  setTimeout(() => {
    process.kill(process.pid, 'SIGKILL')
  }, SETTLED_MS)
console.log(`${how}: ${REJECTED.length} rejected, ${FAILING} waits`)
