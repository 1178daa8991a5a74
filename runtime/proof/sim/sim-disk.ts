/**
 * A disk in memory whose power can be cut between any two operations, with everything that disk.ts allows to be lost.
 *
 * One thread. Bytes are in sim-file.ts, names in sim-folder.ts. Operations are numbered from 1; before each of them the
 * hook `before` is called, and a `Cut` that it throws ends the process whose disk this is: nothing works any more until
 * `powerCut`, which loses by chance what was not durable, or `crash`, which loses nothing but open files. The next
 * process numbers from 1 again, without a hook. What is lost is drawn from the chance alone: the same seed and the same
 * operations leave the same disk.
 *
 * As on POSIX, all files open on one path see the same bytes, also after its name is removed or given to another.
 * A folder is durable once it is made. Bound: what is written stays in memory, and what changed since the last sync of
 * its file or folder twice.
 */
import { posix } from 'node:path'
import { checkBytes } from '../../log/disk/check-bytes.ts'
import { type Disk, DiskError, type DiskFile } from '../../log/disk/disk.ts'
import type { Chance } from './chance.ts'
import { type Fate, SimFile } from './sim-file.ts'
import { SimFolder } from './sim-folder.ts'

export type DiskOperation = Exclude<keyof Disk | keyof DiskFile, 'path'>

/** Thrown by a hook: the process ends before this operation, or in the midst of a write. */
export class Cut extends Error {
  override readonly name: string = 'Cut'
  /** So many bytes of a write are done before. */
  readonly writtenBytes: number

  constructor(writtenBytes = 0) {
    super('the process has ended')
    this.writtenBytes = writtenBytes
  }
}

/** Called before each operation, with its number. */
export type DiskHook = (number: number, operation: DiskOperation, path: string) => void

/** Shares of what survives: all and nothing are among them, because a mixture is hardly ever either. */
const SURVIVING = [0, 0.1, 0.5, 0.9, 1] as const
const TEARING = [0, 0.5, 1] as const

const NO_HOOK: DiskHook = () => undefined

function fateBy(chance: Chance): Fate {
  return { survives: chance.pick(SURVIVING), tears: chance.pick(TEARING) }
}

export class SimDisk implements Disk {
  readonly #folders = new Map<string, SimFolder>([['/', new SimFolder()]])
  /** Files and folders that a loss of power may change. */
  readonly #unsyncedFiles = new Set<SimFile>()
  readonly #unsyncedFolders = new Set<SimFolder>()
  /** Folders of which the removal is not durable yet. */
  #removed: { readonly parent: SimFolder; readonly path: string; readonly folder: SimFolder }[] = []
  #later: (() => void)[] = []
  readonly #completes: ((complete: () => void) => void) | null
  #cut: Cut | null = null
  /** Which process has the disk, from 0; the files of those before it are closed. */
  #process = 0
  /** Operations of this process. */
  operations = 0
  before: DiskHook = NO_HOOK
  /** Whether the last loss of power treated each of several files in its own way. */
  cutApart = false

  /** `completes` is given each background sync, and calls it when it is to be done; without it `runLater` does. */
  constructor(completes: ((complete: () => void) => void) | null = null) {
    this.#completes = completes
  }

  /** Background syncs that are under way. */
  get syncing(): number {
    return this.#later.length
  }

  /** Completes the oldest background syncs, at most so many, of those that are under way now; returns how many. */
  runLater(most: number = this.#later.length): number {
    let completed = 0
    for (const complete of this.#later.splice(0, most)) {
      // Whoever was told of one may have ended the process.
      if (this.#cut !== null) break
      complete()
      completed++
    }
    return completed
  }

  /** Puts what a disk around this one does later among the background syncs. */
  later(act: () => void): void {
    if (this.#completes === null) this.#later.push(act)
    else this.#completes(act)
  }

  #syncLater(file: SimFile, done: (error: null) => void): void {
    const layer = file.beginSync()
    this.later(() => {
      file.completeSync(layer)
      if (file.isDurable) this.#unsyncedFiles.delete(file)
      done(null)
    })
  }

  /**
   * Loses power: of what is not durable some survives, as chance has it. The next process finds that, durable. Files fare
   * each by itself, since a system writes one back long before another, or for `areAlike` as if all were one.
   */
  powerCut(chance: Chance, areAlike = false): void {
    this.crash()
    const fate = fateBy(chance)
    const survivingNames = chance.pick(SURVIVING)
    for (const folder of this.#unsyncedFolders) {
      const back = folder.powerCut(chance, survivingNames)
      for (const removed of this.#removed)
        if (removed.parent === folder && back.includes(posix.basename(removed.path)))
          this.#folders.set(removed.path, removed.folder)
    }
    this.#removed = []
    for (const file of this.#unsyncedFiles) file.powerCut(chance, areAlike ? fate : fateBy(chance))
    this.cutApart = !areAlike && this.#unsyncedFiles.size > 1
    this.#unsyncedFolders.clear()
    this.#unsyncedFiles.clear()
  }

  /** Ends the process alone: its open files are gone, and nobody is told of its background syncs. */
  crash(): void {
    this.#process++
    this.#cut = null
    this.#later = []
    this.operations = 0
    this.before = NO_HOOK
  }

  open(path: string, how: 'create' | 'write' | 'read'): DiskFile {
    this.#begin('open', path)
    const { folder, name } = this.#place('open', path)
    const file = folder.get(name)
    if (how !== 'create') {
      if (file === undefined) throw new DiskError('open', path, folder.folders.has(name) ? 'EISDIR' : 'ENOENT')
      return this.#opened(path, file, how === 'write')
    }
    if (file !== undefined || folder.folders.has(name)) throw new DiskError('open', path, 'EEXIST')
    const created = new SimFile()
    folder.create(name, created)
    this.#unsyncedFolders.add(folder)
    return this.#opened(path, created, true)
  }

  list(folder: string): string[] {
    this.#begin('list', folder)
    return this.#folders.get(folder)?.names() ?? []
  }

  makeFolder(folder: string): void {
    if (!posix.isAbsolute(folder)) throw new TypeError(`${folder} is not an absolute path`)
    this.#begin('makeFolder', folder)
    const missing: string[] = []
    for (let path = folder; !this.#folders.has(path); path = posix.dirname(path)) missing.unshift(path)
    for (const path of missing) {
      const { folder: parent, name } = this.#place('makeFolder', path)
      if (parent.get(name) !== undefined)
        throw new DiskError('makeFolder', folder, path === folder ? 'EEXIST' : 'ENOTDIR')
      parent.folders.add(name)
      this.#folders.set(path, new SimFolder())
    }
  }

  rename(from: string, to: string): void {
    if (posix.dirname(from) !== posix.dirname(to))
      throw new TypeError(`${from} cannot be renamed to ${to}, in another folder`)
    this.#begin('rename', from)
    const { folder, name } = this.#place('rename', from)
    const file = folder.get(name)
    if (file === undefined) throw new DiskError('rename', from, 'ENOENT')
    if (from === to) return
    if (folder.folders.has(posix.basename(to))) throw new DiskError('rename', from, 'EISDIR')
    folder.rename(name, posix.basename(to), file)
    this.#unsyncedFolders.add(folder)
  }

  remove(path: string): void {
    this.#begin('remove', path)
    const folder = this.#folders.get(posix.dirname(path))
    const name = posix.basename(path)
    if (folder?.folders.has(name)) throw new DiskError('remove', path, 'EISDIR')
    if (folder?.get(name) === undefined) return
    folder.remove(name)
    this.#unsyncedFolders.add(folder)
  }

  removeFolder(folder: string): void {
    this.#begin('removeFolder', folder)
    const removed = this.#folders.get(folder)
    if (removed === undefined) return
    if (removed.names().length > 0) throw new DiskError('removeFolder', folder, 'ENOTEMPTY')
    const parent = this.#folders.get(posix.dirname(folder)) as SimFolder
    parent.removeFolder(posix.basename(folder))
    this.#folders.delete(folder)
    this.#removed.push({ parent, path: folder, folder: removed })
    this.#unsyncedFolders.add(parent)
  }

  syncDirectory(folder: string): void {
    this.#begin('syncDirectory', folder)
    const synced = this.#folders.get(folder)
    if (synced === undefined) throw new DiskError('syncDirectory', folder, 'ENOENT')
    synced.sync()
    this.#unsyncedFolders.delete(synced)
    this.#removed = this.#removed.filter(({ parent }) => parent !== synced)
  }

  #place(operation: DiskOperation, path: string): { readonly folder: SimFolder; readonly name: string } {
    const folder = this.#folders.get(posix.dirname(path))
    if (folder === undefined) throw new DiskError(operation, path, 'ENOENT')
    return { folder, name: posix.basename(path) }
  }

  #opened(path: string, file: SimFile, isWritable: boolean): DiskFile {
    const process = this.#process
    return new OpenFile(path, file, isWritable, {
      begin: (operation, written) => {
        if (process !== this.#process) throw new DiskError(operation, path, 'EBADF')
        this.#begin(operation, path, written)
      },
      changed: () => this.#unsyncedFiles.add(file),
      synced: () => {
        if (file.isDurable) this.#unsyncedFiles.delete(file)
      },
      later: done => this.#syncLater(file, done),
    })
  }

  /** Lets the hook end the process before this operation; `written` does what is done of a write by then. */
  #begin(operation: DiskOperation, path: string, written?: (bytes: number) => void): void {
    if (this.#cut !== null) throw this.#cut
    this.operations++
    try {
      this.before(this.operations, operation, path)
    } catch (error) {
      if (!(error instanceof Cut)) throw error
      this.#cut = error
      if (error.writtenBytes > 0) written?.(error.writtenBytes)
      throw error
    }
  }
}

/** What an open file needs of its disk. */
interface Owner {
  readonly begin: (operation: DiskOperation, written?: (bytes: number) => void) => void
  readonly changed: () => void
  readonly synced: () => void
  readonly later: (done: (error: null) => void) => void
}

class OpenFile implements DiskFile {
  readonly path: string
  readonly #file: SimFile
  readonly #isWritable: boolean
  readonly #owner: Owner
  #isOpen = true

  constructor(path: string, file: SimFile, isWritable: boolean, owner: Owner) {
    this.path = path
    this.#file = file
    this.#isWritable = isWritable
    this.#owner = owner
  }

  size(): number {
    this.#begin('size')
    return this.#file.size
  }

  write(parts: readonly Uint8Array[], position: number): void {
    checkBytes('position', position)
    if (!this.#isWritable) throw new DiskError('write', this.path, 'EBADF')
    let bytes = 0
    for (const { byteLength } of parts) bytes += byteLength
    const write = (most: number): void => {
      this.#file.write(parts, position, Math.min(bytes, most))
      this.#owner.changed()
    }
    this.#begin('write', write)
    if (bytes > 0) write(bytes)
  }

  read(into: Uint8Array, position: number): number {
    checkBytes('position', position)
    this.#begin('read')
    return this.#file.read(into, position)
  }

  sync(): void {
    this.#begin('sync')
    this.#file.sync()
    this.#owner.synced()
  }

  /** For a disk around this one: a sync that fails. */
  failSync(): void {
    this.#file.failSync()
  }

  syncLater(done: (error: DiskError | null) => void): void {
    this.#begin('syncLater')
    this.#owner.later(done)
  }

  truncate(bytes: number): void {
    checkBytes('size', bytes)
    this.#begin('truncate')
    if (!this.#isWritable) throw new DiskError('truncate', this.path, 'EINVAL')
    this.#file.truncate(bytes)
    this.#owner.changed()
  }

  close(): void {
    this.#begin('close')
    this.#isOpen = false
  }

  #begin(operation: DiskOperation, written?: (bytes: number) => void): void {
    if (!this.#isOpen) throw new DiskError(operation, this.path, 'EBADF')
    this.#owner.begin(operation, written)
  }
}
