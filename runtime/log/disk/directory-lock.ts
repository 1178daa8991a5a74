/**
 * One broker per folder: takes a folder for a thread, and gives it up.
 *
 * Any thread, with files of its own (`node:fs`; a lock is about real processes, and a simulation has a lock of its own,
 * see world-disk.ts). lock-election.ts decides the next holder, and lock-holder.ts whether one has ended. A holder
 * answers at its socket (lock-socket.ts), and checks by itself that it still holds the folder (lock-watch.ts). A lock
 * file (lock-holder.ts) is written and synced under a name of its own and then linked to its place: it is never seen
 * half written.
 *
 * A lock outlives neither its process nor its thread. Needs a file system with hard links.
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
import { dirname, join } from 'node:path'
import { setTimeout } from '../../../actors/world.ts'
import type { FileModes, HeldFolder } from '../../wire/folder.ts'
import type { Disk } from './disk.ts'
import { type Act, begin, type Candidacy, type Loss, next } from './lock-election.ts'
import { DirectoryHeldError, UnreadableLockError } from './lock-errors.ts'
import { byTable, type Holder, isCopied, isSameTable, readHolder, unanswered, type Verdict } from './lock-holder.ts'
import { AFTER, CONTROL, LOCK } from './lock-names.ts'
import { answersAt, type LiveSocket, listenAt, type SocketPlace } from './lock-socket.ts'
import { describeSelf, listed } from './lock-system.ts'
import { identityOf } from './lock-watch.ts'
import { NodeDisk, PRIVATE_MODES } from './node-disk.ts'

const DRAFT = 'LOCK.draft-'
/** Name of a socket, by its token. It has no ending, so that a tool that removes sockets by their ending spares it. */
const SOCKET = 'LOCK.'
const PAUSE_MS = 10
/** Number of files left by dead holders that are removed; they are removed a part at a time. */
const LEFT_MAX = 1_000
const isWindows = process.platform === 'win32'

export interface Lock {
  /** Lock to check while the folder is held; null: it is held until it is released. */
  readonly folder: HeldFolder | null
  /** Gives the directory up; nothing if that was done. */
  release(): void
}

/**
 * Takes a directory, and makes it if necessary. Its own name is then durable: records acknowledged in it would be lost
 * with it.
 *
 * @throws DirectoryHeldError, UnreadableLockError, LongPathError, DiskError
 */
export async function acquireLock(
  directory: string,
  disk: Pick<Disk, 'makeFolder' | 'syncDirectory'> = new NodeDisk(),
  modes: FileModes = PRIVATE_MODES,
): Promise<Lock> {
  disk.makeFolder(directory)
  // The process that made the directory may have died before this step.
  disk.syncDirectory(dirname(directory))
  const contender = new Contender(directory, modes.file)
  try {
    let candidacy: Candidacy = begin()
    while (candidacy.act !== null) candidacy = next(candidacy, await contender.does(candidacy.act))
    if (candidacy.stage === 'lost') throw contender.lostTo(candidacy.last, candidacy.loss as Loss)
    await contender.clear()
    return contender.lock()
  } catch (error) {
    contender.close()
    throw error
  }
}

/** Does what a candidacy says. */
class Contender {
  readonly #place: SocketPlace
  readonly #directory: string
  /** Holders that were read, by their tokens. */
  readonly #known = new Map<string, Holder>()
  #own: Holder
  #socket: LiveSocket | null = null
  #isHeld = true
  /** Permission bits of the lock's file. */
  readonly #mode: number

  constructor(directory: string, mode: number) {
    this.#directory = directory
    this.#mode = mode
    const folder = isWindows ? null : openSync(directory, 'r')
    this.#place = { directory, folder }
    this.#own = describeSelf(directory, folder, randomUUID())
  }

  #path(name: string): string {
    return join(this.#directory, name)
  }

  async does(act: Act): Promise<string | null> {
    switch (act.do) {
      case 'read':
        return this.#read(act.file)
      case 'ask':
        return await this.#ask(this.#known.get(act.token) as Holder)
      case 'ask control':
        return await this.#askAt(CONTROL)
      case 'stand':
        return await this.#stand()
      case 'link':
        return this.#change(() => linkSync(this.#path(DRAFT + this.#own.token), this.#path(act.as)))
      case 'publish':
        return this.#own.door === 'socket' ? this.#change(() => this.#publish()) : 'done'
      case 'move':
        return this.#change(() => renameSync(this.#path(act.from), this.#path(LOCK)))
      case 'withdraw':
        return this.#withdraw(act.linkedAs)
      case 'pause':
        await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
        return null
    }
  }

  #read(file: string): string | null {
    const holder = holderIn(this.#path(file))
    if (holder !== null) this.#known.set(holder.token, holder)
    return holder?.token ?? null
  }

  /** Whether a holder lives. */
  async #ask(holder: Holder): Promise<Verdict> {
    if (holder.door === 'none') return byTable(holder, this.#own, listed)
    // The pipe of the original answers for a copy as well.
    if (holder.door === 'pipe' && isCopied(holder, this.#own)) return 'dead'
    const answer = await this.#askAt(holder.door === 'pipe' ? holder.token : SOCKET + holder.token)
    return answer === 'alive' ? 'alive' : unanswered(holder, this.#own)
  }

  async #askAt(name: string): Promise<Verdict> {
    if (isWindows) return name !== CONTROL && (await answersAt(this.#place, name)) ? 'alive' : 'dead'
    if (identityOf(this.#path(name)) === null) return 'dead'
    return (await answersAt(this.#place, name)) ? 'alive' : 'dead'
  }

  async #stand(): Promise<string> {
    const token = randomUUID()
    this.#socket = await listenAt(this.#place, isWindows ? token : SOCKET + token, token)
    const door = this.#socket === null ? 'none' : isWindows ? 'pipe' : 'socket'
    this.#own = { ...this.#own, token, door }
    writeSynced(this.#path(DRAFT + token), JSON.stringify(this.#own), this.#mode)
    return token
  }

  /** A second name of the socket, which keeps its own name. Removing one of them by hand does not make the holder look dead. */
  #publish(): void {
    const socket = this.#path(SOCKET + this.#own.token)
    const second = `${socket}.control`
    try {
      linkSync(socket, second)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') throw error
      // There are no hard links to sockets here.
      renameSync(socket, this.#path(CONTROL))
      return
    }
    renameSync(second, this.#path(CONTROL))
  }

  #change(act: () => void): 'done' | 'taken' | 'gone' {
    try {
      act()
      return 'done'
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return 'taken'
      if (codeOf(error) === 'ENOENT') return 'gone'
      throw error
    }
  }

  #withdraw(linkedAs: string | null): null {
    rmSync(this.#path(DRAFT + this.#own.token), { force: true })
    // Without a socket it would count as alive for as long as this process lives.
    if (this.#socket === null && linkedAs !== null && this.#isOwn(linkedAs))
      rmSync(this.#path(linkedAs), { force: true })
    this.#closeSocket()
    return null
  }

  #isOwn(file: string): boolean {
    try {
      return holderIn(this.#path(file))?.token === this.#own.token
    } catch (error) {
      if (error instanceof UnreadableLockError) return false
      throw error
    }
  }

  #closeSocket(): void {
    if (this.#own.door === 'socket') rmSync(this.#path(SOCKET + this.#own.token), { force: true })
    this.#socket?.close()
    this.#socket = null
  }

  /** Gives up what it has of its own, when it has not become the holder. */
  close(): void {
    this.#withdraw(null)
    this.#closeFolder()
  }

  #closeFolder(): void {
    if (this.#place.folder !== null) closeSync(this.#place.folder)
  }

  lostTo(token: string | null, loss: Loss): Error {
    if (loss === 'contended') return new Error(`${this.#directory} changes hands too fast to be taken`)
    if (loss === 'too long') return new UnreadableLockError(this.#path(LOCK))
    const holder = token === null ? undefined : this.#known.get(token)
    if (holder === undefined) return new DirectoryHeldError(this.#directory, loss, null)
    const { pid, host } = holder
    const isThisProcess = pid === process.pid && isSameTable(holder, this.#own)
    return new DirectoryHeldError(this.#directory, loss, { pid, host, isThisProcess })
  }

  /** Removes files left by dead contenders. Only the holder does this. */
  async clear(): Promise<void> {
    rmSync(this.#path(DRAFT + this.#own.token), { force: true })
    const names = readdirSync(this.#directory).filter(name => name.startsWith(SOCKET))
    // Drafts first: the socket beside an incomplete file decides about it.
    const isDraft = (name: string): number => (name.startsWith(DRAFT) ? 0 : 1)
    for (const name of names.sort((a, b) => isDraft(a) - isDraft(b)).slice(0, LEFT_MAX))
      if (await this.#isLeft(name)) rmSync(this.#path(name), { force: true })
  }

  /** Whether a file belongs to no living contender. Others may be contending now. */
  async #isLeft(name: string): Promise<boolean> {
    if (name.startsWith(AFTER)) return true
    if (!name.startsWith(DRAFT)) {
      const isOwn = name.startsWith(SOCKET + this.#own.token)
      return !isOwn && !isWindows && (await this.#askAt(name)) === 'dead'
    }
    let holder: Holder | null
    try {
      holder = holderIn(this.#path(name))
    } catch (error) {
      if (!(error instanceof UnreadableLockError)) throw error
      const socket = SOCKET + name.slice(DRAFT.length)
      return identityOf(this.#path(socket)) !== null && (await this.#askAt(socket)) === 'dead'
    }
    return holder !== null && (await this.#ask(holder)) === 'dead'
  }

  lock(): Lock {
    const { token, door, fileSystem } = this.#own
    const { folder } = this.#place
    const identity = fileSystem === 'shared' ? null : this.#own.folder
    const socket = door === 'socket' ? identityOf(this.#path(CONTROL)) : null
    const moved = folder === null || process.platform !== 'linux' ? null : `/proc/self/fd/${folder}`
    return {
      folder: { directory: this.#directory, token, identity, socket, moved },
      release: () => this.#release(socket),
    }
  }

  /** First the lock file, while the socket answers: no contender takes over in between, so the file is this holder's. */
  #release(socket: string | null): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    try {
      // The file may have been removed by hand, and another process may hold the directory since.
      if (this.#isOwn(LOCK)) rmSync(this.#path(LOCK), { force: true })
      if (socket !== null && identityOf(this.#path(CONTROL)) === socket) rmSync(this.#path(CONTROL), { force: true })
    } finally {
      this.#closeSocket()
      this.#closeFolder()
    }
  }
}

/** The holder in a lock file; null: there is none. */
function holderIn(file: string): Holder | null {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
  const holder = readHolder(text)
  if (holder === null) throw new UnreadableLockError(file)
  return holder
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
