/**
 * What was updated of messages of a queue on disk. It is written down as a part of what the queue settles (log/format/settled-change.ts), and
 * counts before what the record of a message says (stored-source.ts).
 *
 * The partition host's thread. Times are on the clock of the process here, and on the wall clock in the file. What is found there waits for
 * what is left of its wait, and never for longer than it was to wait when it was written.
 *
 * Bound: UPDATES_MAX messages that are not settled. Those that are settled go when that number is reached, and at each doubling before.
 */
import { type Instant, remainingMs } from '../base/clock.ts'
import { instant } from '../base/instant.ts'
import type { SettledUpdate } from '../log/format/settled-change.ts'
import type { GatheredMessages } from '../queue/ready-index.ts'
import type { MessageUpdate } from '../queue/updating.ts'
import type { Offset } from '../words/quantities.ts'
import type { KeptUpdates } from './kept-messages.ts'

const UPDATES_MAX = 65_536
const LOOKED_FROM = 1_024

interface Known extends MessageUpdate {
  /** How long it had been due when it was found; -1: it was not, or not found so. */
  readonly dueSinceMs: number
}

/** What was gathered by the priorities of records is by those that count. */
export function regather({ byPriority }: GatheredMessages, updates: Iterable<SettledUpdate>): void {
  for (const { offset, priority } of updates)
    if (priority !== null && byPriority.some(set => set.remove(offset))) byPriority[priority]?.add(offset)
}

export class StoredUpdates implements KeptUpdates {
  readonly most: number
  readonly #known = new Map<Offset, Known>()
  readonly #isSettled: (offset: Offset) => boolean
  /** Since it was written down last; whether each was put off. */
  readonly #changed = new Map<Offset, boolean>()
  #lookFrom = LOOKED_FROM

  /** `found`: what is written down, read at a moment. `isSettled`: asked once the queue's core is made. */
  constructor(
    found: Iterable<SettledUpdate>,
    at: Instant,
    isSettled: (offset: Offset) => boolean,
    most: number = UPDATES_MAX,
  ) {
    this.most = most
    this.#isSettled = isSettled
    for (const { offset, atMs, priority, dueMs, expiresMs } of found) {
      const leftOf = (ms: number): number => remainingMs(ms, atMs, at.wallMs)
      const timeOf = (ms: number | null): number | null => (ms === null ? null : Math.max(1, at.nowMs + leftOf(ms)))
      const dueSinceMs = dueMs === null || leftOf(dueMs) > 0 ? -1 : Math.max(0, at.wallMs - dueMs)
      this.#known.set(offset, { priority, dueMs: timeOf(dueMs), expiresMs: timeOf(expiresMs), dueSinceMs })
    }
  }

  /** Null: nothing was updated of it. */
  of(offset: Offset): Known | null {
    return this.#known.size === 0 ? null : (this.#known.get(offset) ?? null)
  }

  hasRoomFor(offset: Offset): boolean {
    if (this.#known.size >= this.#lookFrom || this.#known.size >= this.most) this.#dropSettled()
    return this.#known.size < this.most || this.#known.has(offset)
  }

  #dropSettled(): void {
    for (const offset of this.#known.keys()) {
      if (!this.#isSettled(offset)) continue
      this.#known.delete(offset)
      // It may have been updated and settled since the last change was written.
      this.#changed.delete(offset)
    }
    this.#lookFrom = Math.max(LOOKED_FROM, 2 * this.#known.size)
  }

  put(offset: Offset, { priority, dueMs, expiresMs }: MessageUpdate): void {
    const before = this.#known.get(offset)
    this.#known.set(offset, {
      priority: priority ?? before?.priority ?? null,
      dueMs: dueMs ?? before?.dueMs ?? null,
      expiresMs: expiresMs ?? before?.expiresMs ?? null,
      dueSinceMs: dueMs === null ? (before?.dueSinceMs ?? -1) : -1,
    })
    this.#changed.set(offset, dueMs !== null || this.#changed.get(offset) === true)
  }

  /** Whether there is something to be written down. */
  get isDirty(): boolean {
    return this.#changed.size > 0
  }

  /** What is to be written down, and an offset behind the last of them that has times; null: nothing. */
  take(): { readonly updates: readonly SettledUpdate[]; readonly timedEnd: Offset } | null {
    if (this.#changed.size === 0) return null
    const at = instant()
    const wall = (ms: number): number => (Number.isFinite(ms) ? Math.max(1, Math.round(at.wallMs + ms - at.nowMs)) : ms)
    const updates: SettledUpdate[] = []
    let timedEnd = 0
    for (const [offset, isPutOff] of this.#changed) {
      const { priority, dueMs, expiresMs } = this.#known.get(offset) as Known
      const times = {
        dueMs: dueMs === null ? null : wall(dueMs),
        expiresMs: expiresMs === null ? null : wall(expiresMs),
      }
      updates.push({ offset, atMs: Math.round(at.wallMs), priority, ...times, isPutOff })
      if (dueMs !== null || expiresMs !== null) timedEnd = Math.max(timedEnd, offset + 1)
    }
    this.#changed.clear()
    return { updates: updates.sort((a, b) => a.offset - b.offset), timedEnd }
  }
}
