/**
 * A RabbitMQ of its own: its files, its name, its cookie and its port mapper. Another server on this machine is not touched.
 *
 * Main thread. Loopback only, on ports that are unused. Bound: a server that does not answer within two minutes has failed.
 */
import { type Program, ServerProcess, unusedPorts, whyMissing } from './server-process.ts'

const server: Program = {
  name: 'rabbitmq-server',
  // The one in /usr/sbin insists on another user.
  folders: ['/usr/lib/rabbitmq/bin'],
  debianPackage: 'rabbitmq-server',
}
const portMapper: Program = { name: 'epmd', folders: [], debianPackage: 'erlang-base' }

/** Why no server can be started here, in a sentence, or undefined. */
export function whyNoRabbitmq(): string | undefined {
  return whyMissing(server) ?? whyMissing(portMapper)
}

/** The server, and a first connection to it, which proves that it answers. */
export async function startRabbitmq<T>(connect: (url: string) => Promise<T>): Promise<RunningRabbitmq<T>> {
  const node = new ServerProcess()
  const [port, distributionPort, mapperPort] = (await unusedPorts(3)).map(String) as [string, string, string]
  const mapper = { ERL_EPMD_PORT: mapperPort, ERL_EPMD_ADDRESS: '127.0.0.1' }
  node.start(portMapper, ['-port', mapperPort, '-address', '127.0.0.1'], mapper)
  node.start(server, [], {
    ...mapper,
    HOME: node.folder,
    RABBITMQ_NODENAME: `bench-${process.pid}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: port,
    RABBITMQ_DIST_PORT: distributionPort,
    RABBITMQ_MNESIA_BASE: `${node.folder}/mnesia`,
    RABBITMQ_LOG_BASE: `${node.folder}/log`,
    RABBITMQ_ENABLED_PLUGINS_FILE: `${node.folder}/plugins`,
    RABBITMQ_CONFIG_FILE: `${node.folder}/none`,
    // The script then becomes the server, whose process id is known so.
    RABBITMQ_ALLOW_INPUT: 'true',
    RABBITMQ_SERVER_START_ARGS: '-noinput -kernel inet_dist_use_interface {127,0,0,1}',
  })
  const url = `amqp://127.0.0.1:${port}`
  return { node, url, first: await node.answer(() => connect(url)) }
}

export interface RunningRabbitmq<T> {
  readonly node: ServerProcess
  readonly url: string
  readonly first: T
}
