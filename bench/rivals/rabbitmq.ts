/**
 * RabbitMQ, a server of its own for each round: durable classic and quorum queues, persistent messages, publisher confirms.
 *
 * Main thread for all three clients, each with a connection of its own: one sender, and two consumers with a prefetch of 100 that acknowledge each
 * message by itself. Loopback only. Bound: 1,000 unconfirmed messages; at it the sender waits. A run that takes over a minute fails.
 */
import { sumBytes } from '../checks.ts'
import { startRabbitmq, whyNoRabbitmq } from '../servers/rabbitmq-server.ts'
import type { ServerProcess } from '../servers/server-process.ts'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Spec, Subject } from '../subject.ts'
import { clientLibrary } from './client-library.ts'
import { CreditWindow } from './credit-window.ts'
import { withinBound } from './within-bound.ts'

const unconfirmedMax = 1_000
const prefetch = 100
const consumerCount = 2
const queueName = 'bench'

/** What is used of the library. */
interface AmqpLib {
  connect(url: string): Promise<ChannelModel>
}

interface ChannelModel {
  createChannel(): Promise<Channel>
  createConfirmChannel(): Promise<ConfirmChannel>
  close(): Promise<void>
}

interface Channel {
  prefetch(count: number): Promise<unknown>
  consume(queue: string, handle: (message: ConsumeMessage | null) => void): Promise<unknown>
  ack(message: ConsumeMessage): void
  checkQueue(queue: string): Promise<{ readonly messageCount: number }>
}

interface ConfirmChannel extends Channel {
  assertQueue(queue: string, options: object): Promise<unknown>
  publish(exchange: string, key: string, content: Buffer, options: object, confirmed: (error: unknown) => void): boolean
}

interface ConsumeMessage {
  readonly content: Buffer
}

export const rabbitmqClassic: Subject = of('classic')
export const rabbitmqQuorum: Subject = of('quorum')

function of(type: 'classic' | 'quorum'): Subject {
  return {
    name: `rabbitmq-${type}`,
    supports: () => true,
    whyMissing: whyNoRabbitmq,
    start: spec => start(spec, type),
  }
}

async function start({ workload }: Spec, type: string): Promise<Running> {
  const [node, connections] = await startServer()
  const [senders, ...consumers] = connections as [ChannelModel, ...ChannelModel[]]
  const sender = await senders.createConfirmChannel()
  await sender.assertQueue(queueName, { durable: true, arguments: { 'x-queue-type': type } })
  const unconfirmed = new CreditWindow(unconfirmedMax)
  const unhandled = new CreditWindow(Number.MAX_SAFE_INTEGER)
  let sum = 0
  const channels = await Promise.all(
    consumers.map(async connection => {
      const channel = await connection.createChannel()
      await channel.prefetch(prefetch)
      await channel.consume(queueName, message => handle(channel, message))
      return channel
    }),
  )
  const handle = (channel: Channel, message: ConsumeMessage | null): void => {
    if (message === null) throw new Error('RabbitMQ cancelled the consumer')
    sum += sumBytes(message.content, 0, message.content.length)
    channel.ack(message)
    unhandled.give(1)
  }
  const confirmed = (error: unknown): void => {
    if (error !== null) throw error
    unconfirmed.give(1)
  }
  const runAll = async (records: number): Promise<void> => {
    unhandled.take(records)
    for (let i = 0; i < records; i++) {
      if (unconfirmed.spent) await unconfirmed.returned()
      unconfirmed.take(1)
      const content = Buffer.from(workload.bytes(i))
      sender.publish('', queueName, content, { persistent: true, messageId: workload.key(i) }, confirmed)
    }
    await unconfirmed.drained()
    await unhandled.drained()
    // An answer on a channel comes after what the server did for the acknowledgements before it.
    await Promise.all(channels.map(channel => channel.checkQueue(queueName)))
  }
  return {
    async run(records) {
      const elapsed = startStopwatch()
      await withinBound(runAll(records))
      return { seconds: elapsed() }
    },
    async stop() {
      const { messageCount } = await sender.checkQueue(queueName)
      if (messageCount !== 0) throw new Error(`RabbitMQ has ${messageCount} messages left`)
      for (const connection of connections) await connection.close()
      await node.end()
      return sum
    },
  }
}

async function startServer(): Promise<[ServerProcess, ChannelModel[]]> {
  const { connect } = clientLibrary<AmqpLib>('amqplib')
  const { node, url, first } = await startRabbitmq(connect)
  const others = await Promise.all(Array.from({ length: consumerCount }, () => connect(url)))
  return [node, [first, ...others]]
}
