/**
 * Keeps what a handler's state is like at an offset, for a handler with `snapshot`: the partition is committed up to there
 * when that is kept, and not before.
 *
 * The handling thread; one for each partition and incarnation. State and offset are one record: whoever takes the partition
 * over restores the state and goes on at its offset, so that each record counts once in it. The state is turned into text at
 * once, when no delivery is under way, and is kept while the next ones are handled.
 *
 * Bounds: one snapshot under way; the next one SNAPSHOT_MS later, or when those of the thread cost a tenth of its time
 * (snapshot-budget.ts). When there is nothing to hand out it is waited for no longer than IDLE_MS, nor than SNAPSHOT_MS if the
 * window may be full of what only waits to be committed; and not at all where the group can keep no more failures in mind.
 * SNAPSHOT_BYTES_MAX characters of text.
 */
import { clearTimeout, nowMs, setTimeout } from '../../actors/world.ts'
import { isPromiseLike, isUnseen, promiseOf } from '../base/promise-like.ts'
import type { PartitionReader } from '../reader/partition-reader.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import { jsonText } from '../words/codec.ts'
import { MillraceError, toWire } from '../words/errors.ts'
import type { SnapshotBudget } from './snapshot-budget.ts'

const SNAPSHOT_MS = 25
/** How long whoever waits until all is committed waits for that at most. */
const IDLE_MS = 1_000
const SNAPSHOT_BYTES_MAX: number = 8 * 1_024 * 1_024

type KeepingThread = Pick<AttachedThread, 'reports' | 'wake'>
type KeptReader = Pick<PartitionReader, 'assignment' | 'committed' | 'commit' | 'crowdsWindow'>

export class SnapshotKeeper {
  readonly #thread: KeepingThread
  readonly #reader: KeptReader
  readonly #snapshot: () => unknown
  readonly #budget: SnapshotBudget
  /** When the next one may be taken. */
  #nextMs = 0
  /** When it may be taken in any case, once there is nothing to hand out. */
  #idleMs = 0
  /** The same, if the window may be full. */
  #crowdedMs = 0
  /** Looks again when it may be taken. */
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
    const isWaiting = this.#timer !== null && !this.#reader.crowdsWindow
    return this.#keeping !== null || this.#hasFailed || isWaiting
  }

  /** Everything below `offset` is in the state, and nothing else. `isIdle`: there is nothing to hand out. */
  reached(offset: number, isIdle: boolean): void {
    if (this.#keeping !== null || this.#hasFailed || offset <= this.#reader.committed) return
    const now = nowMs()
    const dueMs = isIdle ? this.#idleDueMs() : this.#nextMs
    if (now >= dueMs) this.#take(offset)
    else if (isIdle) this.#wait(dueMs - now)
  }

  #idleDueMs(): number {
    return Math.min(this.#nextMs, this.#reader.crowdsWindow ? this.#crowdedMs : this.#idleMs)
  }

  #wait(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null
      this.#thread.wake(this.#reader.assignment.cursor)
    }, ms)
  }

  #take(offset: number): void {
    this.#clearTimer()
    this.#keeping = this.#keep(offset).finally(() => {
      this.#keeping = null
      this.#thread.wake(this.#reader.assignment.cursor)
    })
  }

  /** Whatever it costs; resolves when it is kept, or cannot be. */
  async keepNow(offset: number): Promise<void> {
    await this.#keeping
    if (!this.#hasFailed && offset > this.#reader.committed) this.#take(offset)
    await this.#keeping
  }

  /** The last one: the partition is given up. */
  async finish(offset: number): Promise<void> {
    await this.keepNow(offset)
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

  /** @throws MillraceError that names whose `snapshot` it is */
  #text(): string {
    const { topic, group, place } = this.#reader.assignment
    const whose = `\`snapshot\` of group ${group}, topic ${topic.name}, partition ${place.partition}`
    let made: unknown
    try {
      made = this.#snapshot()
    } catch (cause) {
      throw new MillraceError('MILL_HANDLER', `${whose} failed: ${toWire(cause).message}`, { cause })
    }
    return textOf(made, whose)
  }

  async #keep(offset: number): Promise<void> {
    const { cursor, epoch } = this.#reader.assignment
    const since = nowMs()
    try {
      // Sending it costs about as much as making it.
      const kept = this.#thread.reports.keepSnapshot(cursor, epoch, offset, this.#text())
      const now = nowMs()
      const pauseMs = this.#budget.pauseMs(now - since)
      this.#nextMs = now + Math.max(SNAPSHOT_MS, pauseMs)
      this.#crowdedMs = now + Math.min(SNAPSHOT_MS, pauseMs)
      this.#idleMs = now + IDLE_MS
      const isKept = await kept
      if (isKept) this.#reader.commit(offset)
      this.#hasFailed = !isKept
    } catch (error) {
      // Nothing is committed that is not kept.
      this.#hasFailed = true
      this.#thread.reports.failRun(cursor, epoch, error)
    }
  }
}

function textOf(value: unknown, whose: string): string {
  if (isUnseen(value))
    throw new MillraceError(
      'MILL_UNSERIALISABLE',
      `${whose} returned an object that throws when it is looked at, such as a revoked proxy: return plain data`,
    )
  if (isPromiseLike(value)) {
    // What it settles with is of no use: the state has gone on by then.
    promiseOf(value).catch(() => undefined)
    throw new MillraceError(
      'MILL_HANDLER',
      `${whose} returned a promise: it says what the state is like between two records, and so at once. Make it a plain function`,
    )
  }
  if (value === undefined)
    throw new MillraceError('MILL_UNSERIALISABLE', `${whose} returned undefined: it must return JSON, or null`)
  let text: string
  try {
    text = jsonText(value)
  } catch (cause) {
    throw new MillraceError('MILL_UNSERIALISABLE', `${whose}: ${toWire(cause).message}`, { cause })
  }
  if (text.length <= SNAPSHOT_BYTES_MAX) return text
  throw new MillraceError(
    'MILL_TOO_LARGE',
    `${whose} has ${text.length} characters, over ${SNAPSHOT_BYTES_MAX}: keep less in the handler's state, or use more partitions`,
  )
}
