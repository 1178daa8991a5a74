/**
 * Sends drawn messages through drawn exchanges of a real RabbitMQ, compares where they arrive with our tables, and keeps it as
 * vectors. After a build:
 *
 *   npm run test:rabbitmq -- [--seed S] [--dry]
 *
 *   --seed   draws others; default 1
 *   --dry    writes no vectors
 *
 * The server is started for it on loopback, and ended after it. 100 worlds of exchanges, 50 messages each. `npm test` replays the vectors.
 * Exits with 1 when a message goes elsewhere in our tables.
 */
import { parseArgs } from 'node:util'
import type { BoundBy, RoutedHeaders } from '../runtime/routing/binding.ts'
import {
  type AnsweredWorld,
  differences,
  drawWorld,
  type World,
  writeVectors,
} from '../runtime/routing/rabbitmq-vectors.fixture.ts'
import { Draw } from '../runtime/routing/random-exchanges.fixture.ts'
import { clientLibrary } from './rivals/client-library.ts'
import { startRabbitmq, whyNoRabbitmq } from './servers/rabbitmq-server.ts'

const WORLDS = 100
const MESSAGES = 50
const QUEUES = ['t0', 'q1', 'q2', 'q3', 'q4', 'q5', 'q6', 'q7']
const END = 'end'

/** What is used of the library. */
interface AmqpLib {
  connect(url: string): Promise<{ createConfirmChannel(): Promise<Channel>; close(): Promise<void> }>
}

interface Channel {
  assertQueue(queue: string, options: object): Promise<unknown>
  assertExchange(exchange: string, type: string, options: object): Promise<unknown>
  deleteExchange(exchange: string): Promise<unknown>
  bindQueue(queue: string, exchange: string, pattern: string, given: object): Promise<unknown>
  bindExchange(target: string, exchange: string, pattern: string, given: object): Promise<unknown>
  consume(queue: string, handle: (message: Consumed | null) => void, options: object): Promise<unknown>
  publish(exchange: string, key: string, content: Buffer, options: { headers?: RoutedHeaders }): boolean
  waitForConfirms(): Promise<void>
}

interface Consumed {
  readonly content: Buffer
}

const { values: options } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, dry: { type: 'boolean', default: false } },
})
const missing = whyNoRabbitmq()
if (missing !== undefined) throw new Error(missing)

const { connect } = clientLibrary<AmqpLib>('amqplib')
const { node, first: connection } = await startRabbitmq(connect)
const channel = await connection.createConfirmChannel()

/** By number of the message, the queues in which it has arrived. */
let arrived: string[][] = []
let ended = 0
let allEnded: () => void = () => {}
for (const queue of QUEUES) {
  await channel.assertQueue(queue, { exclusive: true })
  const take = (message: Consumed | null): void => {
    const text = String(message?.content)
    if (text !== END) arrived[Number(text)]?.push(queue)
    else if (++ended === QUEUES.length) allEnded()
  }
  await channel.consume(queue, take, { noAck: true })
}

const worlds: AnsweredWorld[] = []
const draw = new Draw(Number(options.seed))
while (worlds.length < WORLDS) {
  const world = drawWorld(draw, MESSAGES)
  worlds.push({ ...world, arrived: await played(world) })
}
await connection.close()
await node.end()
const problems = worlds.flatMap(differences)
for (const problem of problems) console.log(problem)
const { length } = worlds.flatMap(({ arrived }) => arrived.filter(queues => queues !== ''))
console.log(
  `${WORLDS * MESSAGES} messages, ${length} of them arrived in queues; ${problems.length} go elsewhere in ours`,
)
if (!options.dry) writeVectors(worlds)
if (problems.length > 0) process.exitCode = 1

/** A queue gets its messages in their order, so that the last one of each tells that all have arrived. */
async function played({ exchanges, bindings, messages }: World): Promise<string[]> {
  for (const { name, type, alternate } of exchanges)
    await channel.assertExchange(name, type, alternate === null ? {} : { alternateExchange: alternate })
  for (const [exchange, kind, target, by] of bindings) {
    if (kind === 'exchange') await channel.bindExchange(target, exchange, keyOf(by), argumentsOf(by))
    else await channel.bindQueue(target, exchange, keyOf(by), argumentsOf(by))
  }
  arrived = messages.map(() => [])
  ended = 0
  const end = new Promise<void>(resolve => {
    allEnded = resolve
  })
  for (const [i, [exchange, key, headers]] of messages.entries())
    channel.publish(exchange, key, Buffer.from(String(i)), { headers })
  await channel.waitForConfirms()
  for (const queue of QUEUES) channel.publish('', queue, Buffer.from(END), {})
  await end
  for (const { name } of exchanges) await channel.deleteExchange(name)
  return arrived.map(queues => queues.sort().join(' '))
}

function keyOf(by: BoundBy): string {
  return typeof by === 'string' ? by : ''
}

function argumentsOf(by: BoundBy): object {
  return typeof by === 'string' ? {} : { ...by.headers, 'x-match': by.match }
}
