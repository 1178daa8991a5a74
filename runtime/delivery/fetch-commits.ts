/**
 * Commits of what an executor of one delivery at a time has handled: at the end of each fetch, and when there is nothing to
 * hand out.
 *
 * The handling thread; one per executor. What was put out is confirmed first; a handler's snapshot that is kept is the commit.
 */
import type { PartitionReader } from '../reader/partition-reader.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { ExecutorSetting } from './executor-setting.ts'
import type { SnapshotKeeper } from './snapshot-keeper.ts'

export class FetchCommits {
  /** Whether what has returned may come again: its output is not confirmed, or its snapshot not kept. */
  readonly isLate: boolean
  /** Outputs are on their way. */
  hasUnconfirmed = false
  readonly #thread: AttachedThread
  readonly #reader: PartitionReader
  readonly #output: ExecutorSetting['output']
  /** Null: the handler keeps no snapshots. */
  readonly #keeper: SnapshotKeeper | null

  constructor({ thread, reader, output, atMostOnce, keeper }: ExecutorSetting) {
    this.isLate = (output !== null && !atMostOnce) || keeper !== undefined
    this.#thread = thread
    this.#reader = reader
    this.#output = output
    this.#keeper = keeper ?? null
  }

  /** Whether something would come of a commit of everything below `offset`. */
  owes(offset: number): boolean {
    return offset > this.#reader.committed && this.#keeper?.isBusy !== true
  }

  /** Everything below `offset` is over, and confirmed. `isIdle`: there is nothing to hand out. */
  reached(offset: number, isIdle: boolean): void {
    this.#thread.phase('committing')
    if (this.#keeper === null) this.#reader.commit(offset)
    else this.#keeper.reached(offset, isIdle)
  }

  /** Resolves when the outputs are confirmed of everything below `offset`; `keeps`: and when its snapshot is kept. */
  async confirm(offset: number, keeps: boolean): Promise<void> {
    this.hasUnconfirmed = false
    await this.#output?.flush()
    if (keeps) await this.#keeper?.keepNow(offset)
  }

  /** The partition is given up, and everything below `offset` confirmed: resolves when that is committed. */
  finish(offset: number): Promise<void> | undefined {
    if (this.#keeper !== null) return this.#keeper.finish(offset)
    this.#reader.commit(offset)
    return undefined
  }

  /** Nothing is kept any more. */
  close(): void {
    this.#keeper?.close()
  }
}
