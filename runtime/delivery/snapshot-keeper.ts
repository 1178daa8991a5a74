/**
 * Keeps what a handler's state is like at an offset, for a handler with `snapshot`: the partition is committed up to there
 * when that is kept, and not before.
 *
 * The handling thread; one for each partition and incarnation. State and offset are one record: whoever takes the partition
 * over restores the state and goes on at its offset, so that each record counts once in it. The state is turned into text at
 * once, when no delivery is under way, and is kept while the next ones are handled.
 *
 * When there is nothing to hand out, that may be over in a moment: the next one is taken when nothing has come for a while, or when
 * its time has come anyway; but at once if a window may be full of what only waits to be committed.
 *
 * Bounds: one snapshot under way; the next one SNAPSHOT_MS later, or when those of the thread cost three hundredths of its time
 * (snapshot-budget.ts), or after STILL_MS to STILL_MS_MAX without a record; SNAPSHOT_BYTES_MAX characters of text.
 */
import { clearTimeout, nowMs, setTimeout } from '../../actors/world.ts'
import { MillraceError } from '../errors.ts'
import type { PartitionReader } from '../group/partition-reader.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { SnapshotBudget } from './snapshot-budget.ts'

const SNAPSHOT_MS = 25
const STILL_MS = 5
const STILL_MS_MAX = 1_000
const SNAPSHOT_BYTES_MAX: number = 8 * 1_024 * 1_024

type KeepingThread = Pick<AttachedThread, 'home' | 'wake'>
type KeptReader = Pick<PartitionReader, 'assignment' | 'committed' | 'commit' | 'crowdsWindow'>

export class SnapshotKeeper {
  readonly #thread: KeepingThread
  readonly #reader: KeptReader
  readonly #snapshot: () => unknown
  readonly #budget: SnapshotBudget
  /** When the next one may be taken. */
  #nextMs = 0
  /** How long nothing must have come for it to be taken sooner. */
  #stillMs = STILL_MS
  /** Since when nothing has come behind which offset. */
  #still = { offset: -1, sinceMs: 0 }
  /** Looks again whether nothing has come. */
  #timer: ReturnType<typeof setTimeout> | null = null
  /** What is under way; null: nothing. */
  #keeping: Promise<void> | null = null
  #hasFailed = false

  constructor(thread: KeepingThread, reader: KeptReader, budget: SnapshotBudget, snapshot: () => unknown) {
    this.#thread = thread
    this.#reader = reader
    this.#budget = budget
    this.#snapshot = snapshot
    budget.enter()
  }

  /** Nothing would come of `reached` now. */
  get isBusy(): boolean {
    return this.#keeping !== null || this.#hasFailed || this.#timer !== null
  }

  /** Everything below `offset` is in the state, and nothing else. `isIdle`: there is nothing to hand out. */
  reached(offset: number, isIdle: boolean): void {
    if (this.#keeping !== null || this.#hasFailed || offset <= this.#reader.committed) return
    const now = nowMs()
    if (now < this.#nextMs && !(isIdle && (this.#reader.crowdsWindow || this.#isStill(offset, now)))) return
    this.#take(offset)
  }

  /** Whether nothing has come for long enough; if not, looks again when that may be so. */
  #isStill(offset: number, now: number): boolean {
    if (this.#still.offset !== offset) this.#still = { offset, sinceMs: now }
    const leftMs = this.#still.sinceMs + this.#stillMs - now
    if (leftMs <= 0) return true
    this.#timer ??= setTimeout(
      () => {
        this.#timer = null
        this.#thread.wake()
      },
      Math.min(leftMs, this.#nextMs - now),
    )
    return false
  }

  #take(offset: number): void {
    this.#clearTimer()
    this.#keeping = this.#keep(offset).finally(() => {
      this.#keeping = null
      this.#thread.wake()
    })
  }

  /** The last one: the partition is given up. */
  async finish(offset: number): Promise<void> {
    await this.#keeping
    if (!this.#hasFailed && offset > this.#reader.committed) this.#take(offset)
    await this.#keeping
    this.close()
  }

  /** Nothing is kept any more. */
  close(): void {
    this.#clearTimer()
    this.#budget.leave()
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  async #keep(offset: number): Promise<void> {
    const { member, epoch } = this.#reader.assignment
    const since = nowMs()
    try {
      const text = textOf(this.#snapshot())
      const now = nowMs()
      this.#nextMs = now + Math.max(SNAPSHOT_MS, this.#budget.pauseMs(now - since))
      this.#stillMs = Math.min(STILL_MS_MAX, Math.max(STILL_MS, this.#budget.stillMs(now - since)))
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
