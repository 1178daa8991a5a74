/**
 * The place of a broker's folder: its disk, and the lock that keeps others out.
 *
 * Leaf, any thread. Everything in `runtime/` that touches a folder takes both from here. A simulation can put a disk of
 * its own in their place, one for all threads of a process (see actors/world.ts for the rest of the world). They are
 * live bindings: `replaceDisk` reaches modules that are loaded already. Tools on real files (`runtime/cli/`) are not
 * simulated, and take both from their own modules.
 */
import { randomBytes } from 'node:crypto'
import type { FileModes } from '../../wire/folder.ts'
import type { Lock } from './directory-lock.ts'
import type { Disk } from './disk.ts'
import { isStillHeld } from './lock-watch.ts'
import { NodeDisk } from './node-disk.ts'

/** The disk as this thread sees it. `modes` are for new files and folders; the default is the owner's alone. */
export let openDisk: (modes?: FileModes) => Disk = modes => new NodeDisk(undefined, modes)

/** Takes a folder for this thread. @throws DirectoryHeldError, UnreadableLockError, LongPathError, DiskError */
export let lockDirectory: (directory: string, modes?: FileModes) => Promise<Lock> = async (directory, modes) => {
  // Sockets and all, for the one thread that takes a folder.
  const { acquireLock } = await import('./directory-lock.js')
  return acquireLock(directory, new NodeDisk(undefined, modes), modes)
}

/** Whether a folder is still held by its holder. */
export let holdsFolder: typeof isStillHeld = isStillHeld

/** Unpredictable bytes that no folder has had before. */
export let uniqueBytes: (bytes: number) => Uint8Array = randomBytes

/** All of the above. */
export interface WorldDisk {
  readonly openDisk: typeof openDisk
  readonly lockDirectory: typeof lockDirectory
  readonly holdsFolder: typeof holdsFolder
  readonly uniqueBytes: typeof uniqueBytes
}

/** Puts another disk in place of the real one, on this thread and for good. For simulations only. */
export function replaceDisk(world: WorldDisk): void {
  openDisk = world.openDisk
  lockDirectory = world.lockDirectory
  holdsFolder = world.holdsFolder
  uniqueBytes = world.uniqueBytes
}
