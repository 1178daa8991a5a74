/**
 * Whether a folder is still its holder's: looked at again and again while it is held.
 *
 * Leaf, any thread. The lock to check is plain data, and goes to other threads unchanged. The folder may have been
 * removed, or moved away with another one in its place. The lock may have been removed by hand. A look costs a system
 * call or two.
 */

import { lstatSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { HeldFolder } from '../../wire/folder.ts'
import { readHolder } from './lock-holder.ts'
import { CONTROL, LOCK } from './lock-names.ts'

/** The folder was removed, or another broker has its lock, in spite of this one. */
export class LostFolderError extends Error {
  override readonly name: string = 'LostFolderError'
  readonly directory: string

  constructor(directory: string) {
    super(`${directory} is no longer held`)
    this.directory = directory
  }
}

/** Whether the folder exists and its holder still holds it. A moved folder is held until another one is at its path. */
export function isStillHeld(held: HeldFolder): boolean {
  const { directory, moved } = held
  if (isHeldAt(directory, held)) return true
  if (moved === null || statSync(directory, { throwIfNoEntry: false }) !== undefined) return false
  return isHeldAt(moved, held)
}

function isHeldAt(directory: string, { token, identity, socket }: HeldFolder): boolean {
  if (socket !== null) {
    // No contender takes over while it answers there, whatever LOCK contains.
    const found = identityOf(join(directory, CONTROL))
    if (found !== null) return found === socket
  }
  // A copy has the lock file, too.
  const folder = statSync(directory, { bigint: true, throwIfNoEntry: false })
  if (folder === undefined || (identity !== null && identity !== `${folder.dev}:${folder.ino}`)) return false
  try {
    return readHolder(readFileSync(join(directory, LOCK), 'utf8'))?.token === token
  } catch {
    return false
  }
}

/** Device and inode; null: nothing is there. */
export function identityOf(path: string): string | null {
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  return found === undefined ? null : `${found.dev}:${found.ino}`
}
