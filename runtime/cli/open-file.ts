/**
 * Opens what the command line names, without changing it, and says what it is.
 *
 * Main thread. An output is opened without emptying it. It is emptied later, when it differs from the other files and
 * the handlers have started, so that a run that cannot start changes nothing. The names of standard input, output and
 * error (`/dev/stdout`, `/dev/fd/1`) mean the open descriptor. Opened by its path, a file would be overwritten from its
 * beginning, and a socket cannot be opened so at all.
 */
import { type BigIntStats, constants, existsSync, fstatSync, realpathSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { IDENTITY_NAME } from '../log/store/identity.ts'
import { DescriptorStream } from './descriptor-stream.ts'
import { Failure, fileFailure } from './failure.ts'
import type { RunFile } from './run-files.ts'

const CHUNK_BYTES = 262_144
/** How far above a file its broker's folder can be: `topics/<partition>/<segment>`. */
const FOLDERS_ABOVE = 3

export interface OpenInput {
  readonly stream: Readable
  readonly file: RunFile
}

export interface OpenOutput {
  readonly stream: Writable
  readonly file: RunFile
  /** Name of the file in errors. */
  readonly title: string
  /** Cuts a file that was there to nothing; of all else there is nothing to cut. */
  empty(): Promise<void>
}

/** `-` is standard input. @throws Failure if it cannot be read. */
export async function openInput(path: string): Promise<OpenInput> {
  if ((path === '-' ? 0 : standardOf(path)) === 0)
    return { stream: process.stdin, file: fileOf('standard input', 'read', true, fstatSync(0, { bigint: true })) }
  try {
    const handle = await open(path)
    const stats = await handle.stat({ bigint: true })
    if (stats.isDirectory()) throw new Failure(`${path}: is a directory`)
    const stream = handle.createReadStream({ highWaterMark: CHUNK_BYTES })
    return { stream, file: fileOf(`--input ${path}`, 'read', false, stats) }
  } catch (error) {
    throw error instanceof Failure ? error : fileFailure(path, error)
  }
}

/** `-` is standard output; a file is made if there is none. @throws Failure if it cannot be written. */
export async function openOutput(option: string, path: string): Promise<OpenOutput> {
  const descriptor = path === '-' ? 1 : standardOf(path)
  if (descriptor === 1 || descriptor === 2) {
    const stream = new DescriptorStream(descriptor)
    const file = standardFile(descriptor)
    return {
      stream,
      file: { ...file, name: `${option} ${path}`, isImplied: false },
      title: file.name,
      empty: async () => {},
    }
  }
  refuseBrokerFolder(path)
  try {
    const handle = await open(path, constants.O_WRONLY | constants.O_CREAT, 0o666)
    const stats = await handle.stat({ bigint: true })
    return {
      stream: handle.createWriteStream(),
      file: fileOf(`${option} ${path}`, 'write', false, stats),
      title: path,
      empty: () => empty(handle, path, stats),
    }
  } catch (error) {
    throw fileFailure(path, error)
  }
}

/** The file behind standard output or error, as the shell set it up, whether or not the run writes to it. */
export function standardFile(descriptor: 1 | 2): RunFile {
  const name = descriptor === 1 ? 'standard output' : 'standard error'
  return { ...fileOf(name, 'write', true, fstatSync(descriptor, { bigint: true })), isImplied: true }
}

export function fileOf(name: string, use: RunFile['use'], isStandard: boolean, stats: BigIntStats): RunFile {
  const kind = stats.isFile() || stats.isBlockDevice() ? 'file' : stats.isCharacterDevice() ? 'terminal' : 'other'
  return { name, use, isStandard, isImplied: false, kind, device: stats.dev, inode: stats.ino }
}

async function empty(handle: FileHandle, path: string, stats: BigIntStats): Promise<void> {
  if (!stats.isFile()) return
  try {
    await handle.truncate(0)
  } catch (error) {
    throw fileFailure(path, error)
  }
}

function standardOf(path: string): number | undefined {
  const found = /^\/dev\/(?:std(in|out|err)|fd\/([012]))$|^\/proc\/self\/fd\/([012])$/.exec(path)
  if (found === null) return undefined
  const [, name, ...numbers] = found
  return name === undefined ? Number(numbers.find(number => number !== undefined)) : ['in', 'out', 'err'].indexOf(name)
}

/** Files in that folder belong to the broker, and it does not know an additional one. */
function refuseBrokerFolder(path: string): void {
  let folder: string
  try {
    folder = realpathSync(existsSync(path) ? path : dirname(path))
  } catch {
    return // There is none; opening says so.
  }
  for (let above = 0; above <= FOLDERS_ABOVE; above++) {
    if (existsSync(join(folder, IDENTITY_NAME)))
      throw new Failure(`${path}: lies in the folder of a broker (${folder}); choose a file elsewhere`)
    folder = dirname(folder)
  }
}
