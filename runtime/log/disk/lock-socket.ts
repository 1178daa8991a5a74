/**
 * The socket by which the holder of a folder is known to live, and how others ask at it.
 *
 * Any thread; the holder's socket is on the thread that took the folder. It is a unix socket in the folder, or on
 * Windows a pipe. The kernel answers for it as long as the process lives, also while that is stopped or busy. It
 * answers across namespaces of processes, host names and networks, but not over the network. A terminated thread closes
 * it after the threads that it started have ended.
 *
 * A client receives one line of JSON, and the connection is closed. Its own bytes are not read:
 *
 * ```
 * {"millrace":1,"pid":4711,"token":"…"}     millrace: version of this greeting
 * ```
 *
 * Bounds: THREADS_MAX connections at a time, and BACKLOG more that wait in the kernel. Further ones are refused, and
 * the kind of refusal shows that the holder lives. The socket keeps no process alive. An address has a system's few
 * bytes (`ADDRESS_BYTES_MAX`), and Node silently cuts off longer ones. A long address therefore goes by the folder's
 * open descriptor (Linux), or from the working folder.
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
/** Only pipes of Windows make a client wait for the holder, which then lives. */
const ANSWER_MS = 2_000
/** Error codes of a system that makes no sockets in this folder, or at all. */
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

/** Place of a folder's sockets: `folder` is an open descriptor of it. */
export interface SocketPlace {
  readonly directory: string
  readonly folder: number | null
}

/** Address of a socket of that name. @throws LongPathError */
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

/** Listens at a name that no other process uses; null: there are no sockets in this folder. @throws DiskError, LongPathError */
export async function listenAt(place: SocketPlace, name: string, token: string): Promise<LiveSocket | null> {
  const path = addressOf(place, name)
  const server = serverOf(`${JSON.stringify({ millrace: 1, pid: process.pid, token })}\n`)
  try {
    await listening(server, path)
    // A user that may not read the folder's files may not ask either.
    if (!isWindows) chmodSync(path, 0o600)
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException
    // Another contender has removed it already, as a dead one; lock-election.ts notices that.
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

/** Node has bound a socket when `listen` returns. Its event comes in the next turn, which a test may have replaced. */
async function listening(server: Server, path: string): Promise<void> {
  const failed = new Promise<never>((_, reject) => server.on('error', reject))
  failed.catch(() => undefined)
  // `exclusive`: a worker of node:cluster would have the primary listen.
  server.listen({ path, backlog: BACKLOG, exclusive: true })
  if (!server.listening) await failed
}

/** Whether a process lives behind a socket of that name. Only answers that no living holder causes count as dead. */
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
