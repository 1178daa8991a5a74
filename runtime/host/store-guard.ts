/**
 * Whether the disk of a partition host has failed, and whether the folder is still this broker's.
 *
 * The partition host's thread. Before the disk is touched it looks, every LOOK_MS at most, whether the folder is still this
 * broker's. If it is not, that is a failure like any other, and the broker is closed.
 *
 * After a failed operation it is unknown what the disk holds. It counts as broken until the broker is opened again, and is
 * not touched any more. The failure is told once.
 */
import { nowMs } from '../../actors/world.ts'
import { DISK_ERRNOS, LOCK_LOST, RECEIPT_FAILED } from '../link/link.ts'
import { DiskError } from '../log/disk/disk.ts'
import { LostFolderError } from '../log/disk/lock-watch.ts'
import { holdsFolder } from '../log/disk/world-disk.ts'
import { storeError } from '../log/store/store-errors.ts'
import type { HeldFolder } from '../wire/folder.ts'
import { MillraceError } from '../words/errors.ts'

/** A look at the lock takes some microseconds. */
const LOOK_MS = 100

export class StoreGuard {
  readonly #held: HeldFolder | null
  readonly #failed: (error: Error) => void
  #lookedMs: number = nowMs()
  /** What receipts say of the failure; null: there was none. */
  failure: number | null = null
  /** The same, for who is to be told. */
  error: Error | null = null

  /** `held`: what says that the folder is this broker's; null: nothing does. */
  constructor(held: HeldFolder | null, failed: (error: Error) => void) {
    this.#held = held
    this.#failed = failed
  }

  /** Does something on the disk; false: it failed, now or before. */
  attempt(act: () => void): boolean {
    if (this.failure !== null) return false
    try {
      this.checkHeld()
      act()
      return true
    } catch (error) {
      this.fail(error)
      return false
    }
  }

  /** @throws LostFolderError */
  checkHeld(): void {
    if (this.#held === null) return
    const now = nowMs()
    if (now - this.#lookedMs < LOOK_MS) return
    this.#lookedMs = now
    if (!holdsFolder(this.#held)) throw new LostFolderError(this.#held.directory)
  }

  fail(met: unknown): void {
    // What fails where the folder is gone fails for that.
    const isLost = met instanceof DiskError && this.#held !== null && !holdsFolder(this.#held)
    const error = isLost ? new LostFolderError((this.#held as HeldFolder).directory) : met
    const told = storeError(error)
    if (told === error && !(error instanceof MillraceError)) throw error
    const cause = error instanceof MillraceError ? error.cause : error
    const name = cause instanceof LostFolderError ? LOCK_LOST : cause instanceof DiskError ? cause.errno : undefined
    const errno = Math.max(0, DISK_ERRNOS.indexOf(name))
    if (this.failure === null) this.#failed(told)
    this.error ??= told
    this.failure ??= RECEIPT_FAILED | (errno << 4)
  }
}
