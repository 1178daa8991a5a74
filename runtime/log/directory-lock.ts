/**
 * One process per directory: a lock that outlives no process and that two recoverers never both take over.
 *
 * Any thread of a process, with files of its own (`node:fs`; a lock is about real processes, and a simulation of those has one of its own, see world-disk.ts).
 * A lock is a small file that says who holds it: process, its start, host, and a random token. It is written and synced
 * under a name of its own and then linked to its place, which fails if there is one: it is never seen half written.
 *
 * ```
 *  LOCK                  holder t0, dead
 *  LOCK.after-t0         holder t1, dead, died while it took over from t0
 *  LOCK.after-t1         holder t2, alive: holds the directory
 * ```
 *
 * Taking over from a dead holder is making the file that is named after its token. A token is used once, so each dead
 * holder has one heir, and nobody has to remove anything to become it. The heir looks again from `LOCK` on whether it
 * is the last of the chain, for what it read may be outdated; if so it moves its file to `LOCK`, in place of what is
 * there, and removes what is left over. Only a holder that is alive renames or removes, and only one is.
 *
 * Bounds: TRIES_MAX looks, each over a chain of CHAIN_MAX. A process is dead if its id is free, a zombie, or (Linux) used
 * by a process of another start; one of another host never is, and who knows that it is gone removes `LOCK`. Needs a
 * file system with hard links.
 */
import { randomUUID } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import type { Disk } from './disk.ts'
import { type FileModes, NodeDisk, PRIVATE_MODES } from './node-disk.ts'

const LOCK = 'LOCK'
const AFTER = 'LOCK.after-'
const DRAFT = 'LOCK.draft-'
const TRIES_MAX = 100
const CHAIN_MAX = 1_000

interface Holder {
  readonly pid: number
  /** When the process started, in ticks since the machine did; null where the system does not say. */
  readonly start: string | null
  readonly host: string
  readonly token: string
}

/** The directory is held by a process, perhaps this one. */
export class DirectoryHeldError extends Error {
  override readonly name: string = 'DirectoryHeldError'
  readonly directory: string
  readonly pid: number
  readonly host: string

  constructor(directory: string, pid: number, host: string) {
    super(`${directory} is held by process ${pid} of ${host}`)
    this.directory = directory
    this.pid = pid
    this.host = host
  }
}

/** A lock file does not say who holds it; it is not this module's, or damaged. */
export class UnreadableLockError extends Error {
  override readonly name: string = 'UnreadableLockError'
  readonly file: string

  constructor(file: string) {
    super(`${file} does not say who holds the directory; remove it if no process does`)
    this.file = file
  }
}

export interface Lock {
  /** Gives the directory up; nothing if that was done. */
  release(): void
}

/**
 * Takes a directory, which is made if need be. Its own name is durable then: what is acknowledged in it would be lost with it.
 *
 * @throws DirectoryHeldError, UnreadableLockError, DiskError
 */
export function acquireLock(
  directory: string,
  disk: Pick<Disk, 'makeFolder' | 'syncDirectory'> = new NodeDisk(),
  modes: FileModes = PRIVATE_MODES,
): Lock {
  disk.makeFolder(directory)
  // Whoever made it may have died before he came to this.
  disk.syncDirectory(dirname(directory))
  const own: Holder = { pid: process.pid, start: startOf(process.pid), host: hostname(), token: randomUUID() }
  const draft = join(directory, DRAFT + own.token)
  writeSynced(draft, JSON.stringify(own), modes.file)
  try {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const { last, next } = lastOf(directory)
      if (last !== null && isAlive(last)) throw new DirectoryHeldError(directory, last.pid, last.host)
      if (!link(draft, join(directory, next))) continue
      if (lastOf(directory).last?.token !== own.token) {
        // The chain that it is the end of is no more: others took over, and perhaps gave up, in between.
        rmSync(join(directory, next), { force: true })
        continue
      }
      if (next !== LOCK) renameSync(join(directory, next), join(directory, LOCK))
      clear(directory)
      return lockOf(directory, own)
    }
  } finally {
    rmSync(draft, { force: true })
  }
  throw new Error(`${directory} changes hands too fast to be taken`)
}

function lockOf(directory: string, own: Holder): Lock {
  let isHeld = true
  return {
    release(): void {
      if (!isHeld) return
      isHeld = false
      // Somebody may have removed the file by hand, and another process may hold the directory since.
      if (holderIn(join(directory, LOCK))?.token === own.token) rmSync(join(directory, LOCK), { force: true })
    },
  }
}

/** Follows the chain: its last holder, and the name of the file that would follow it. */
function lastOf(directory: string): { readonly last: Holder | null; readonly next: string } {
  let last: Holder | null = null
  let next = LOCK
  for (let length = 0; length < CHAIN_MAX; length++) {
    const holder = holderIn(join(directory, next))
    if (holder === null) return { last, next }
    last = holder
    next = AFTER + holder.token
  }
  throw new UnreadableLockError(join(directory, LOCK))
}

/** Who holds a lock file; null: there is none. */
function holderIn(file: string): Holder | null {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
  try {
    const { pid, start, host, token } = (JSON.parse(text) ?? {}) as Partial<Holder>
    const isRead = Number.isSafeInteger(pid) && typeof host === 'string' && /^[0-9a-f-]{36}$/.test(token ?? '')
    if (isRead && (start === null || typeof start === 'string'))
      return { pid: pid as number, start, host: host as string, token: token as string }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw new UnreadableLockError(file)
}

function isAlive(holder: Holder): boolean {
  if (holder.host !== hostname()) return true
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    // A process that may not be signalled is there.
    if (codeOf(error) === 'ESRCH') return false
  }
  const start = startOf(holder.pid)
  // Where the system hides the processes of others, one that is there counts as the holder.
  return start === null || holder.start === null || start === holder.start
}

/** Field 22 of /proc/<pid>/stat, `zombie` for a process that has ended; null where there is no such file. */
function startOf(pid: number): string | null {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return null
  }
  // The name of the program is in parentheses, and may itself hold some.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' || fields[0] === 'X' ? 'zombie' : (fields[19] ?? null)
}

/** Removes what those who died left behind. Only the holder does. */
function clear(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (name.startsWith(AFTER)) rmSync(join(directory, name), { force: true })
    if (!name.startsWith(DRAFT)) continue
    // A draft may be of somebody who is trying right now.
    const file = join(directory, name)
    try {
      const holder = holderIn(file)
      if (holder !== null && !isAlive(holder)) rmSync(file, { force: true })
    } catch (error) {
      if (!(error instanceof UnreadableLockError)) throw error
    }
  }
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

function writeSynced(file: string, text: string, mode: number): void {
  const descriptor = openSync(file, 'wx', mode)
  try {
    writeSync(descriptor, text)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
