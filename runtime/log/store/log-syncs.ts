/**
 * The written parts of a log that are not yet durable: files, and names in their folder.
 *
 * The writer's thread owns it. A file without further writes is retired: it is closed once it is durable and no sync of
 * it is under way. Files are synced oldest first and the folder last, and only then is anything reported as durable.
 * The header and name of a new segment are therefore durable before a frame in it. A sync of the foreground also covers
 * files that a background sync has not finished. The names of the folder are synced on this thread, because only a new
 * segment changes them.
 *
 * Bound: one open file for each segment that was closed since the last sync; the writer's caller decides how often that
 * is.
 */
import type { Disk, DiskError, DiskFile } from '../disk/disk.ts'

export class LogSyncs {
  readonly #disk: Disk
  readonly #folder: string
  /** Written since a sync of them was last begun. */
  readonly #dirty = new Set<DiskFile>()
  /** How many syncs in the background each has under way. */
  readonly #flying = new Map<DiskFile, number>()
  readonly #retired = new Set<DiskFile>()
  #namesChanged = false

  constructor(disk: Disk, folder: string) {
    this.#disk = disk
    this.#folder = folder
  }

  /** The file has been written to. */
  mark(file: DiskFile): void {
    this.#dirty.add(file)
  }

  /** A file was created. */
  markNames(): void {
    this.#namesChanged = true
  }

  /** The file gets no more writes. */
  retire(file: DiskFile): void {
    this.#retired.add(file)
    this.#closeRetired()
  }

  /** The file has been removed, or is given up: it need not be durable. */
  forget(file: DiskFile): void {
    this.#dirty.delete(file)
    this.retire(file)
  }

  /** Gives up everything that is not yet durable. */
  forgetAll(): void {
    this.#dirty.clear()
    this.#closeRetired()
  }

  /** Makes everything written so far durable. */
  sync(): void {
    for (const file of this.#unsynced()) file.sync()
    this.syncNames()
    this.#dirty.clear()
    this.#closeRetired()
  }

  /**
   * The same in the background, for bytes written before this call; `done` is called later on this thread. `active` is
   * synced even where it is clean, so that there is always a sync to wait for. Where this throws, `done` is never
   * called.
   */
  syncLater(active: DiskFile, done: (error: DiskError | null) => void): void {
    const files = this.#unsynced().add(active)
    this.#dirty.clear()
    let waiting = files.size
    let failure: DiskError | null = null
    for (const file of files) {
      this.#flying.set(file, (this.#flying.get(file) ?? 0) + 1)
      try {
        file.syncLater(error => {
          this.#landed(file)
          failure ??= error
          waiting--
          if (waiting > 0) return
          if (failure === null) failure = this.#attempt()
          done(failure)
        })
      } catch (error) {
        // The caller receives this throw instead of `done`.
        this.#landed(file)
        throw error
      }
    }
  }

  #attempt(): DiskError | null {
    try {
      this.syncNames()
      this.#closeRetired()
      return null
    } catch (error) {
      return error as DiskError
    }
  }

  #landed(file: DiskFile): void {
    const left = (this.#flying.get(file) ?? 0) - 1
    if (left > 0) this.#flying.set(file, left)
    else this.#flying.delete(file)
  }

  #unsynced(): Set<DiskFile> {
    return new Set([...this.#flying.keys(), ...this.#dirty])
  }

  /** Makes the names in the folder durable, where they have changed. */
  syncNames(): void {
    if (!this.#namesChanged) return
    this.#disk.syncDirectory(this.#folder)
    this.#namesChanged = false
  }

  #closeRetired(): void {
    for (const file of this.#retired) {
      if (this.#dirty.has(file) || this.#flying.has(file)) continue
      this.#retired.delete(file)
      file.close()
    }
  }
}
