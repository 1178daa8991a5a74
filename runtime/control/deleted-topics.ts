/**
 * Removes the files of topics that were deleted.
 *
 * The control thread: at once when partition hosts have closed them, and at the next opening if the process ended before. The
 * catalog says first that a topic is gone (broker-directory.ts), and forgets that when its folders are gone for good: so a death
 * at any moment leaves the topic there, or gone, and whoever removes the rest may be interrupted as often as you like.
 */
import { join } from 'node:path'
import { type Disk, DiskError } from '../log/disk/disk.ts'
import { partitionFolder, partitionsFolder } from '../log/store/log-place.ts'
import type { BrokerDirectory, GoneTopic } from './broker-directory.ts'

/** What the system says where a file is in the place of a folder. It is none of ours, and stays. */
const NOT_OURS: readonly string[] = ['ENOTDIR']

/** Removes all of them. @throws DiskError; MillraceError MILL_DISK */
export function removeDeleted(disk: Disk, directory: BrokerDirectory): void {
  for (const gone of directory.gone()) removeDeletedTopic(disk, directory, gone)
}

/** @throws DiskError; MillraceError MILL_DISK */
export function removeDeletedTopic(disk: Disk, directory: BrokerDirectory, { id, partitions }: GoneTopic): void {
  let isAll = true
  for (let partition = 0; partition < partitions; partition++)
    if (!removeFolder(disk, partitionFolder(directory.dir, id, partition))) isAll = false
  disk.syncDirectory(partitionsFolder(directory.dir))
  if (isAll) directory.forgetGone(id)
}

/** Removes the folder of a partition. False: a file is in its place, and stays there. @throws DiskError */
export function removeFolder(disk: Disk, folder: string): boolean {
  try {
    for (const name of disk.list(folder)) disk.remove(join(folder, name))
    disk.removeFolder(folder)
    return true
  } catch (error) {
    if (error instanceof DiskError && NOT_OURS.includes(error.errno)) return false
    throw error
  }
}
