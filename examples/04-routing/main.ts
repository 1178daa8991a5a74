/**
 * RabbitMQ's tutorials as one program, in one process: https://www.rabbitmq.com/tutorials
 *
 * Its first one, "Hello World!", is in docs/coming-from-rabbitmq.md.
 */
import { type Broker, createBroker } from 'millrace'
import { confirms } from './confirms.ts'
import { type Options, parseOptions } from './options.ts'
import { publishSubscribe } from './publish-subscribe.ts'
import { type Result, toText } from './report.ts'
import { routing } from './routing.ts'
import { rpc } from './rpc.ts'
import { topics } from './topics.ts'
import { workQueues } from './work-queues.ts'

const TASKS = 100

async function all(broker: Broker, { lines, messages, threads }: Options): Promise<Result> {
  return {
    workQueues: await workQueues(broker, TASKS, threads),
    publishSubscribe: await publishSubscribe(broker),
    routing: await routing(broker),
    topics: await topics(broker, lines, threads),
    rpc: await rpc(broker, threads),
    confirms: await confirms(broker, messages),
  }
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2))
  const broker = await createBroker({ logger: false })
  try {
    const result = await all(broker, options)
    console.log(options.json ? JSON.stringify(result) : toText(result))
  } finally {
    await broker.close()
  }
}

void main()
