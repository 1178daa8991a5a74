/**
 * Keeps what a handler's state is like at an offset, for a handler with `snapshot`: the partition is committed up to there
 * when that is kept, and not before.
 *
 * The handling thread; one for each partition and incarnation. State and offset are one record: whoever takes the partition
 * over restores the state and goes on at its offset, so that each record counts once in it. The state is turned into text at
 * once, when no delivery is under way, and is kept while the next ones are handled.
 *
 * Bounds: one snapshot under way; the next one SNAPSHOT_MS later, or so much later that taking them costs a hundredth of the
 * time, or when there is nothing to hand out; SNAPSHOT_BYTES_MAX characters of text.
 */
import { nowMs } from '../../actors/world.ts'
import { MillraceError } from '../errors.ts'
import type { PartitionReader } from '../group/partition-reader.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'

const SNAPSHOT_MS = 25
const COSTS_MAX = 0.01
const SNAPSHOT_BYTES_MAX: number = 8 * 1_024 * 1_024

export class SnapshotKeeper {
  readonly #thread: AttachedThread
  readonly #reader: PartitionReader
  readonly #snapshot: () => unknown
  /** When the next one may be taken. */
  #nextMs = 0
  /** What is under way; null: nothing. */
  #keeping: Promise<void> | null = null
  #hasFailed = false

  constructor(thread: AttachedThread, reader: PartitionReader, snapshot: () => unknown) {
    this.#thread = thread
    this.#reader = reader
    this.#snapshot = snapshot
  }

  /** Nothing would come of `reached` now. */
  get isBusy(): boolean {
    return this.#keeping !== null || this.#hasFailed
  }

  /** Everything below `offset` is in the state, and nothing else. `isIdle`: there is nothing to hand out. */
  reached(offset: number, isIdle: boolean): void {
    if (this.isBusy || offset <= this.#reader.committed) return
    if (!isIdle && nowMs() < this.#nextMs) return
    this.#keeping = this.#keep(offset).finally(() => {
      this.#keeping = null
      this.#thread.wake()
    })
  }

  /** The last one: the partition is given up. */
  async finish(offset: number): Promise<void> {
    await this.#keeping
    this.reached(offset, true)
    await this.#keeping
  }

  async #keep(offset: number): Promise<void> {
    const { member, epoch } = this.#reader.assignment
    const since = nowMs()
    try {
      const text = textOf(this.#snapshot())
      const now = nowMs()
      this.#nextMs = now + Math.max(SNAPSHOT_MS, (now - since) / COSTS_MAX)
      const isKept = await this.#thread.home.keepSnapshot(member, epoch, offset, text)
      if (isKept) this.#reader.commit(offset)
      this.#hasFailed = !isKept
    } catch (error) {
      // Nothing is committed that is not kept.
      this.#hasFailed = true
      this.#thread.home.unreadable(member, epoch, error as Error)
    }
  }
}

function textOf(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined)
    throw new MillraceError('MILL_UNSERIALISABLE', 'what `snapshot` returns must be JSON, and not undefined')
  if (text.length <= SNAPSHOT_BYTES_MAX) return text
  throw new MillraceError(
    'MILL_TOO_LARGE',
    `a snapshot of ${text.length} characters is over ${SNAPSHOT_BYTES_MAX}; keep less in the handler's state, or use more partitions`,
  )
}
