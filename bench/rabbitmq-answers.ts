/**
 * Says where messages arrive in a real RabbitMQ. It reads worlds of exchanges, bindings and messages, a line of JSON each, from its
 * standard input, and writes for each world a line with the queues of each message, sorted and joined by spaces.
 *
 * Main thread; a process of its own (`npm run test:rabbitmq`). The server is started for it on loopback, and ended after it. One world at a time.
 */
import { createInterface } from 'node:readline'
import { clientLibrary } from './rivals/client-library.ts'
import { startRabbitmq, whyNoRabbitmq } from './servers/rabbitmq-server.ts'

/** All that messages may arrive in. */
const QUEUES = ['t0', 'q1', 'q2', 'q3', 'q4', 'q5', 'q6', 'q7']
const END = 'end'

type Headers = Readonly<Record<string, unknown>>
type BoundBy = string | { readonly match: string; readonly headers: Headers }

interface World {
  readonly exchanges: readonly { readonly name: string; readonly type: string; readonly alternate: string | null }[]
  readonly bindings: readonly (readonly [exchange: string, kind: string, target: string, by: BoundBy])[]
  readonly messages: readonly (readonly [exchange: string, key: string, headers: Headers])[]
}

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
  publish(exchange: string, key: string, content: Buffer, options: { headers?: Headers }): boolean
  waitForConfirms(): Promise<void>
}

interface Consumed {
  readonly content: Buffer
}

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

for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(await played(JSON.parse(line) as World)))
await connection.close()
await node.end()

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
