/**
 * Kills its process at a call of the file system: preloaded into all threads of the process, as
 * `NODE_OPTIONS='--import crash-calls.fixture.js?point=NAME&file=FILE&nth=N'`.
 *
 * It takes the place of the calls that a `NodeDisk` makes, on each thread for itself, and lets all of them through but one:
 * the one that is the point's (crash-points.fixture.ts). There it says `at NAME` and ends the process, which never comes
 * back from that. `file`, if it is not empty, is the name that the file must have, up to its ending `.new`.
 * The process dies at the `nth` time that a thread of it comes there.
 */
import fs from 'node:fs'
import { basename } from 'node:path'
import { pointOf } from './crash-point-of.fixture.ts'
import type { CallName, CrashCall } from './crash-points.fixture.ts'
import { say } from './say.fixture.ts'

/** Functions of one file operation, with guards and closures between them. */
const FRAMES_MAX = 60

/** The bytes of what is no write. */
const NOTHING: readonly Uint8Array[] = [new Uint8Array(0)]

const { searchParams } = new URL(import.meta.url)
const name = searchParams.get('point') as string
const wantedFile = searchParams.get('file') ?? ''
/** Times that this thread is to come to the point still. */
let timesLeft = Number(searchParams.get('nth') ?? 1)
/** Of the files that are open. */
const paths = new Map<number, string>()

function isWithin(wanted: readonly string[]): boolean {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = FRAMES_MAX
  const { stack = '' } = new Error('where this is')
  Error.stackTraceLimit = stackTraceLimit
  return wanted.every(each => stack.includes(`at ${each} (`) || stack.includes(`.${each} (`))
}

function die(): void {
  say(`at ${name}`)
  process.kill(process.pid, 'SIGKILL')
}

/** Does a call, and dies before or after it if it is the point's. */
function pass<T>(
  point: CrashCall,
  call: CallName,
  path: string,
  act: () => T,
  parts: readonly Uint8Array[] = NOTHING,
): T {
  const isFile = wantedFile === '' || basename(path, '.new') === wantedFile
  const isCall = call === point.call && isFile && point.path.test(path)
  const isThere = isCall && parts.some(part => Buffer.from(part).includes(point.holds ?? '')) && isWithin(point.within)
  const isPoint = isThere && --timesLeft === 0
  if (isPoint && point.when === 'before') die()
  const done = act()
  if (isPoint) die()
  return done
}

/** Puts the point between `NodeDisk` and the system. */
function arm(point: CrashCall): void {
  const {
    openSync,
    closeSync,
    writeSync,
    writevSync,
    fdatasyncSync,
    ftruncateSync,
    renameSync,
    unlinkSync,
    mkdirSync,
  } = fs
  const pathOf = (descriptor: number): string => paths.get(descriptor) ?? ''
  const calls = {
    openSync: (...args: Parameters<typeof openSync>): number => {
      const path = String(args[0])
      const descriptor = pass(point, 'open', path, () => openSync(...args))
      paths.set(descriptor, path)
      return descriptor
    },
    closeSync: (descriptor: number): void => {
      paths.delete(descriptor)
      closeSync(descriptor)
    },
    writeSync: (descriptor: number, bytes: Uint8Array, ...args: [number, number, number]): number =>
      pass(point, 'write', pathOf(descriptor), () => writeSync(descriptor, bytes, ...args), [bytes]),
    writevSync: (descriptor: number, parts: Uint8Array[], position: number): number =>
      pass(point, 'write', pathOf(descriptor), () => writevSync(descriptor, parts, position), parts),
    fdatasyncSync: (descriptor: number): void =>
      pass(point, 'sync', pathOf(descriptor), () => fdatasyncSync(descriptor)),
    ftruncateSync: (descriptor: number, bytes: number): void =>
      pass(point, 'truncate', pathOf(descriptor), () => ftruncateSync(descriptor, bytes)),
    renameSync: (from: string, to: string): void => pass(point, 'rename', from, () => renameSync(from, to)),
    unlinkSync: (path: string): void => pass(point, 'remove', path, () => unlinkSync(path)),
    mkdirSync: (path: string, options?: fs.MakeDirectoryOptions): string | undefined =>
      pass(point, 'makeFolder', path, () => mkdirSync(path, options)),
  }
  Object.assign(fs, calls)
}

const { call } = pointOf(name)
if (call !== undefined) arm(call)
