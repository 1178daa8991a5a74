/**
 * The files of a journal: made whole under another name, filled with zeroes, and then renamed, so that none is ever
 * half made.
 *
 * The partition host's thread, and the control thread before hosts start. A file that replaces another drops its
 * content: the caller knows that it is not needed, and that this is durable.
 */
import { posix } from 'node:path'
import { type Disk, DiskError, type DiskFile } from '../disk/disk.ts'

const ZEROES_BYTES = 1_024 * 1_024

/** Opens a file as it is; one that is missing, has less than `first` bytes or more than `most`, is made with `first` or `most`. */
export function openOrMake(
  disk: Disk,
  folder: string,
  path: string,
  { first, most }: { readonly first: number; readonly most: number },
): DiskFile {
  let bytes = first
  if (disk.list(folder).includes(posix.basename(path))) {
    const file = disk.open(path, 'write')
    const size = file.size()
    if (size >= first && size <= most) return file
    file.close()
    if (size > most) bytes = most
  }
  makeFresh(disk, path, bytes)
  return moved(disk, folder, path)
}

/** A file of zeroes in the place of this one, which is closed; this one, if the disk has no room. @throws DiskError */
export function enlarged(disk: Disk, folder: string, file: DiskFile, bytes: number): DiskFile {
  const { path } = file
  try {
    makeFresh(disk, path, bytes)
  } catch (error) {
    if (error instanceof DiskError) return file
    throw error
  }
  file.close()
  return moved(disk, folder, path)
}

function freshOf(path: string): string {
  return `${path}.new`
}

function makeFresh(disk: Disk, path: string, bytes: number): void {
  const fresh = freshOf(path)
  disk.remove(fresh)
  try {
    const file = disk.open(fresh, 'create')
    try {
      const zeroes = new Uint8Array(Math.min(ZEROES_BYTES, bytes))
      for (let at = 0; at < bytes; at += zeroes.length) file.write([zeroes.subarray(0, bytes - at)], at)
      file.sync()
    } finally {
      file.close()
    }
  } catch (error) {
    removeQuietly(disk, fresh)
    throw error
  }
}

/** Nothing is written to it before its name is durable. */
function moved(disk: Disk, folder: string, path: string): DiskFile {
  disk.rename(freshOf(path), path)
  disk.syncDirectory(folder)
  return disk.open(path, 'write')
}

/** A full disk must not stay full because of an incomplete file. */
function removeQuietly(disk: Disk, path: string): void {
  try {
    disk.remove(path)
  } catch {
    // The next opening of the folder removes it.
  }
}
