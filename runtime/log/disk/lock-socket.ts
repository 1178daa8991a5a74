/**
 * The socket by which the holder of a folder is known to live, and how others ask at it.
 *
 * Any thread; the holder's is on the thread that took the folder. A unix socket in the folder, or on Windows a pipe. The kernel
 * answers for it as long as the process lives, also while that is stopped or busy; it answers across namespaces of
 * processes, host names and networks, and to nobody on the network. A thread that is terminated closes it after the threads that it
 * started have ended.
 *
 * Whoever connects is told one line of JSON, and the connection is closed; what he sends is not read:
 *
 * ```
 * {"millrace":1,"pid":4711,"token":"…"}     millrace: version of this greeting
 * ```
 *
 * Bounds: THREADS_MAX connections at a time, BACKLOG more that wait in the kernel; the rest are refused, and know by the way how that the
 * holder lives. It keeps no process alive. An address has a system's few bytes (`ADDRESS_BYTES_MAX`), and Node cuts off what
 * is longer without a word: so a long one goes by the folder's open descriptor (Linux), or from the working folder.
 */
import { chmodSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join, relative } from 'node:path'
import { clearTimeout, setTimeout } from '../../../actors/world.ts'
import { DiskError } from './disk.ts'
import { LongPathError } from './lock-errors.ts'

/** Without the zero at its end. */
const ADDRESS_BYTES_MAX = process.platform === 'linux' ? 107 : 103
const THREADS_MAX = 16
const BACKLOG = 128
/** Only pipes of Windows make a client wait: for the holder, who then lives. */
const ANSWER_MS = 2_000
/** What a system says that does not make sockets in this folder, or at all. */
const NO_SOCKETS: readonly unknown[] = [
  'EPERM',
  'EACCES',
  'ENOTSUP',
  'EOPNOTSUPP',
  'EINVAL',
  'ENOSYS',
  'EAFNOSUPPORT',
  'EPROTONOSUPPORT',
  'ERR_ACCESS_DENIED',
]

const isWindows = process.platform === 'win32'

/** Where sockets of a folder are: `folder` is an open descriptor of it. */
export interface SocketPlace {
  readonly directory: string
  readonly folder: number | null
}

/** Where a socket of that name is. @throws LongPathError */
export function addressOf({ directory, folder }: SocketPlace, name: string): string {
  if (isWindows) return `\\\\.\\pipe\\millrace-${name}`
  const candidates = [join(directory, name)]
  if (process.platform === 'linux' && folder !== null) candidates.push(`/proc/self/fd/${folder}/${name}`)
  candidates.push(relative(process.cwd(), join(directory, name)))
  const short = candidates.find(path => Buffer.byteLength(path) <= ADDRESS_BYTES_MAX)
  if (short === undefined) throw new LongPathError(directory, ADDRESS_BYTES_MAX - name.length - 1)
  return short
}

/** A socket of this process, by which it is known to live. */
export interface LiveSocket {
  close(): void
}

/** Listens at a name that nobody else uses; null: there are no sockets in this folder. @throws DiskError, LongPathError */
export async function listenAt(place: SocketPlace, name: string, token: string): Promise<LiveSocket | null> {
  const path = addressOf(place, name)
  const server = serverOf(`${JSON.stringify({ millrace: 1, pid: process.pid, token })}\n`)
  try {
    await listening(server, path)
    // Whoever may not read the folder's files has nothing to ask.
    if (!isWindows) chmodSync(path, 0o600)
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException
    // Somebody has cleared it away already, as that of a dead one; lock-election.ts finds out.
    if (syscall !== 'chmod' || code !== 'ENOENT') {
      server.close()
      if (NO_SOCKETS.includes(code)) return null
      throw new DiskError('listen', join(place.directory, name), String(code), error)
    }
  }
  return { close: () => void server.close() }
}

function serverOf(greeting: string): Server {
  const server = createServer({ pauseOnConnect: true }, client => {
    client.on('error', () => undefined)
    client.end(greeting, () => client.destroy())
  })
  server.maxConnections = THREADS_MAX
  server.unref()
  return server
}

/** Node has bound a socket when `listen` returns. What it tells it tells in the next turn, which a test may have replaced. */
async function listening(server: Server, path: string): Promise<void> {
  const failed = new Promise<never>((_, reject) => server.on('error', reject))
  failed.catch(() => undefined)
  // `exclusive`: a worker of node:cluster would have the primary listen.
  server.listen({ path, backlog: BACKLOG, exclusive: true })
  if (!server.listening) await failed
}

/** Whether anybody lives behind a socket of that name. Only what no living holder brings about counts as dead. */
export function answersAt(place: SocketPlace, name: string): Promise<boolean> {
  const path = addressOf(place, name)
  return new Promise(resolve => {
    const client = connect({ path })
    const late = setTimeout(() => settle(true), ANSWER_MS)
    const settle = (lives: boolean): void => {
      clearTimeout(late)
      client.destroy()
      resolve(lives)
    }
    client.once('connect', () => settle(true))
    client.on('error', ({ code }: NodeJS.ErrnoException) => settle(code !== 'ENOENT' && code !== 'ECONNREFUSED'))
  })
}
