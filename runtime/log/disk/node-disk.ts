/**
 * The real disk: the port of disk.ts over `node:fs`.
 *
 * Any thread; each has files of its own (node-file.ts), and the system orders accesses of several threads. On Windows a
 * folder cannot be synced, so `syncDirectory` does nothing there. An open file can there neither be replaced nor have
 * its name back at once after it was removed.
 */

import fs from 'node:fs'
import { dirname } from 'node:path'
import type { FileModes } from '../../wire/folder.ts'
import type { Disk, DiskFile } from './disk.ts'
import { ForeignFileError } from './log-errors.ts'
import { diskError, errnoOf, type FileCalls } from './node-calls.ts'
import { FLAGS, NodeFile } from './node-file.ts'

/** Records may hold secrets: only the owner reads them, unless an option says otherwise. */
export const PRIVATE_MODES: FileModes = { folder: 0o700, file: 0o600 }

export class NodeDisk implements Disk {
  readonly #calls: FileCalls
  readonly #modes: FileModes

  constructor(calls: FileCalls = fs, modes: FileModes = PRIVATE_MODES) {
    this.#calls = calls
    this.#modes = modes
  }

  /** A link to a file is that file. Anything else in its place is refused: opening a pipe would wait for its other end. */
  open(path: string, how: 'create' | 'write' | 'read'): DiskFile {
    try {
      if (how !== 'create') this.#refuseOthers(path)
      return new NodeFile(this.#calls, path, this.#calls.openSync(path, FLAGS[how], this.#modes.file))
    } catch (error) {
      throw diskError('open', path, error)
    }
  }

  #refuseOthers(path: string): void {
    const found = this.#calls.statSync(path)
    if (!found.isFile()) throw new ForeignFileError(path, 0, `${kindOf(found)} is in the place of a file`)
  }

  list(folder: string): string[] {
    try {
      return this.#calls.readdirSync(folder).sort()
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return []
      throw diskError('list', folder, error)
    }
  }

  /**
   * Folders are durable when this returns, because only this function knows the new ones. A process that dies in here
   * may leave folders whose names become durable only when the system writes them by itself.
   */
  makeFolder(folder: string): void {
    let made: number
    try {
      made = this.#makeFolders(folder)
    } catch (error) {
      throw diskError('makeFolder', folder, error)
    }
    for (let path = folder; made > 0; path = dirname(path), made--) this.syncDirectory(dirname(path))
  }

  #isFolder(path: string): boolean {
    try {
      this.#calls.readdirSync(path)
      return true
    } catch (error) {
      if (errnoOf(error) === 'ENOTDIR') return false
      throw error
    }
  }

  /**
   * Makes the missing folders of a path, and returns their number. It makes them one by one. Where the system makes
   * none although the parent exists, as under `/proc`, Node 20's own `recursive` never returns.
   */
  #makeFolders(folder: string): number {
    try {
      this.#makeOne(folder)
      return 1
    } catch (error) {
      const errno = errnoOf(error)
      if (errno === 'EEXIST' && this.#isFolder(folder)) return 0
      const above = dirname(folder)
      if (errno !== 'ENOENT' || above === folder) throw error
      const made = this.#makeFolders(above)
      if (made === 0) throw error
      this.#makeOne(folder)
      return made + 1
    }
  }

  #makeOne(folder: string): void {
    this.#calls.mkdirSync(folder, this.#modes.folder)
  }

  rename(from: string, to: string): void {
    if (dirname(from) !== dirname(to)) throw new TypeError(`${from} cannot be renamed to ${to}, in another folder`)
    try {
      this.#calls.renameSync(from, to)
    } catch (error) {
      throw diskError('rename', from, error)
    }
  }

  remove(path: string): void {
    try {
      this.#calls.unlinkSync(path)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw diskError('remove', path, error)
    }
  }

  removeFolder(folder: string): void {
    try {
      this.#calls.rmdirSync(folder)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw diskError('removeFolder', folder, error)
    }
  }

  syncDirectory(folder: string): void {
    if (process.platform === 'win32') return
    let descriptor: number | null = null
    try {
      descriptor = this.#calls.openSync(folder, 'r')
      this.#calls.fsyncSync(descriptor)
    } catch (error) {
      // A file system without this operation answers so; there is no alternative.
      if (descriptor === null || errnoOf(error) !== 'EINVAL') throw diskError('syncDirectory', folder, error)
    } finally {
      if (descriptor !== null) this.#calls.closeSync(descriptor)
    }
  }
}

function kindOf(found: fs.Stats): string {
  if (found.isDirectory()) return 'a folder'
  if (found.isFIFO()) return 'a pipe'
  return found.isSocket() ? 'a socket' : 'a device'
}
