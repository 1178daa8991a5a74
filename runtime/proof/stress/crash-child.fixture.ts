/**
 * A process with a broker on disk that is killed: `node crash-child.fixture.js FOLDER DURABILITY LIFE POINT`.
 *
 * It publishes to `work` and handles that in a group, as fast as it can, publishes to `kept`, makes a topic of its own, and gives that
 * more partitions.
 * Lines, each by a write that has reached the pipe when it returns:
 *
 * ```
 * opened                       the broker is open, and so are its topics and the group
 * s SEQUENCE                   before values below that are published to `work`
 * a PARTITION OFFSET SEQUENCE  a receipt of `work`
 * k OFFSET SEQUENCE            of `kept`
 * t                            before the topic of this life is made
 * b OFFSET SEQUENCE            a receipt of that topic
 * g, G                         before it gets more partitions, and when it has them
 * c OFFSET SEQUENCE            a receipt of its last partition
 * h PARTITION OFFSET           by the handler
 * at POINT, not at POINT       right before it kills itself
 * ```
 *
 * At a halt it kills itself when its partition host stands still there, at a call of the file system in that very call
 * (crash-calls.fixture.ts). Without a point (`-`) it goes on until it is killed.
 */
import { openBroker } from '../../api/broker.ts'
import type { FaultPoint } from '../../wire/layout.ts'
import type { Broker } from '../../words/broker.ts'
import type { Durability } from '../../words/message.ts'
import type { Topic } from '../../words/topic.ts'
import { pointOf } from './crash-point-of.fixture.ts'
import { CRASHED, type CrashValue } from './crash-topics.fixture.ts'
import { die, dieAtHalt } from './death.fixture.ts'
import { say } from './say.fixture.ts'

const [dir, durability, life, name] = process.argv.slice(2) as [string, Durability, string, string]
const BATCH = 64
/** To `kept`, for each batch; large ones, for it has to grow. */
const KEPT = 4
const KEPT_TEXT = 'x'.repeat(3_500)
const BORN = 8

async function main(): Promise<void> {
  const { partitionThreads, journalBytes } = CRASHED
  const broker = await openBroker({ dir, logger: false, partitionThreads }, { journalBytes })
  const work = await broker.topic<CrashValue>('work', { ...CRASHED.topic, durability })
  const kept = await broker.topic<CrashValue>('kept', { ...CRASHED.kept, durability })
  await work.group('g').run({ handler: new URL('./crash-handler.fixture.js', import.meta.url), threads: 1 })
  say('opened')
  const point = name === '-' ? undefined : pointOf(name)
  if (point?.time === 'opening') die(name, false)
  if (point?.time === 'work' && point.call === undefined) void dieAtHalt(broker, point.name as FaultPoint)
  await Promise.all([publishAll(work, kept), bear(broker)])
}

async function publishAll(work: Topic<CrashValue>, kept: Topic<CrashValue>): Promise<void> {
  for (let round = 0; ; round++) {
    const from = round * BATCH
    const sequence = from + BATCH
    say(`s ${sequence}`)
    const receipts: Promise<void>[] = []
    for (let at = from; at < sequence; at++) {
      const value = { life: Number(life), sequence: at, text: 'x'.repeat(at % 997) }
      const published = work.publish({ key: `key-${at % CRASHED.keys}`, value })
      receipts.push(published.then(({ partition, offset }) => say(`a ${partition} ${offset} ${at}`)))
    }
    for (let at = round * KEPT; at < (round + 1) * KEPT; at++) {
      const published = kept.publish({ value: { life: Number(life), sequence: at, text: KEPT_TEXT } })
      receipts.push(published.then(({ offset }) => say(`k ${offset} ${at}`)))
    }
    await Promise.all(receipts)
  }
}

/** Makes the topic of this life, and then gives it more partitions. */
async function bear(broker: Broker): Promise<void> {
  say('t')
  const born = await broker.topic<CrashValue>(`born-${life}`, { ...CRASHED.born, durability })
  for (let sequence = 0; sequence < BORN; sequence++) {
    const { offset } = await born.publish({ value: { life: Number(life), sequence, text: '' } })
    say(`b ${offset} ${sequence}`)
  }
  say('g')
  const partition = (await born.addPartitions(CRASHED.more)) - 1
  say('G')
  for (let sequence = BORN; sequence < 2 * BORN; sequence++) {
    const { offset } = await born.publish({ value: { life: Number(life), sequence, text: '' }, partition })
    say(`c ${offset} ${sequence}`)
  }
}

await main()
