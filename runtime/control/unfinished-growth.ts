/**
 * Removes what was made of partitions that a topic was to have more, where the catalog does not come to say that it has them.
 *
 * The control thread: when they could not be made, and at the next opening if the process ended before all were. Nobody has
 * published to them, so nothing is lost; what may be interrupted is begun again, because the catalog forgets them last.
 */
import type { Disk } from '../log/disk.ts'
import { partitionFolder, partitionsFolder } from '../log/log-place.ts'
import type { BrokerDirectory } from './broker-directory.ts'
import { removeFolder } from './deleted-topics.ts'

/** @throws DiskError; MillraceError MILL_DISK */
export function removeUnfinished(disk: Disk, directory: BrokerDirectory): void {
  const names: string[] = []
  let isAny = false
  for (const { shape, growsTo } of directory.topics()) {
    if (growsTo === undefined) continue
    isAny = true
    let isAll = true
    for (let partition = shape.partitions; partition < growsTo; partition++)
      if (!removeFolder(disk, partitionFolder(directory.dir, shape.id, partition))) isAll = false
    if (isAll) names.push(shape.name)
  }
  if (!isAny) return
  disk.syncDirectory(partitionsFolder(directory.dir))
  directory.undoGrowth(names)
}
