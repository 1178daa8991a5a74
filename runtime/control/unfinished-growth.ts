/**
 * Removes what was made of partitions that a topic was to have more, where the catalog does not come to say that it has them.
 *
 * The control thread: when they could not be made, and at the next opening if the process ended before all were. Nobody has
 * published to them, so nothing is lost; what may be interrupted is begun again, because the catalog forgets them last.
 */
import type { Disk } from '../log/disk/disk.ts'
import { partitionFolder, partitionsFolder } from '../log/store/log-place.ts'
import type { BrokerDirectory } from './broker-directory.ts'
import { removeFolder } from './deleted-topics.ts'

/** @throws DiskError; MillraceError MILL_DISK */
export function removeUnfinished(disk: Disk, directory: BrokerDirectory): void {
  const unfinished = directory.topics().filter(({ growsTo }) => growsTo !== undefined)
  if (unfinished.length === 0) return
  // The record that says that the topic has them may have failed, and be there: what it counts on is not removed before it is void.
  directory.keepGrowth(unfinished.map(({ shape }) => shape.name))
  const removed = unfinished.filter(({ shape: { id, partitions }, growsTo = 0 }) => {
    let isAll = true
    for (let partition = partitions; partition < growsTo; partition++)
      if (!removeFolder(disk, partitionFolder(directory.dir, id, partition))) isAll = false
    return isAll
  })
  disk.syncDirectory(partitionsFolder(directory.dir))
  directory.undoGrowth(removed.map(({ shape }) => shape.name))
}
