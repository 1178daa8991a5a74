/**
 * What has changed of a queue on disk since it was written down last.
 *
 * The partition host's thread. The core decides, and this gathers what it decided; the change is written with the pass. All of it is absolute
 * or a set of offsets, so that a change that is written twice says the same.
 *
 * Marks: a message that was out at the death of a process has survived it. Out at a second one, it is a suspect, and goes alone. Out alone at
 * a third, it is charged, which is both marks; a dead letter at the next.
 *
 * Bound: what a step hands out and takes in; an entry for each message that is marked.
 */
import { wallMs } from '../../actors/world.ts'
import type { OffsetRanges, SettledAttempt, SettledChange, SettledTotals } from '../log/format/settled-change.ts'
import type { SettledState } from '../log/store/settled-state.ts'
import type { QueueCore } from '../queue/queue-core.ts'
import type { HandOutRun, QueueAttempt, QueueLetter } from '../queue/queue-words.ts'
import type { Epoch, Offset } from '../words/quantities.ts'
import type { Counted, MessageFacts } from './message-facts.ts'
import { OffsetRuns } from './offset-runs.ts'
import type { StoredBlock } from './stored-block.ts'

/** What is new beyond the end that is written down is scanned by an opening: so many messages and bytes at most. */
const KNOWN_MESSAGES = 65_536
const KNOWN_BYTES = 67_108_864
/** As a pass mostly has it. */
const NONE: readonly never[] = []

export class StoredFacts implements MessageFacts {
  readonly #place: { readonly topic: number; readonly partition: number }
  readonly #block: StoredBlock
  /** Writes a change down at once. */
  readonly #write: (change: SettledChange) => boolean
  readonly #nowMs: () => number
  readonly #settled = new OffsetRuns()
  readonly #out = new OffsetRuns()
  /** Out in what is written down, and ready. */
  readonly #back = new Set<Offset>()
  /** Messages that came back before, and whether they are out now. */
  readonly #touched = new Map<Offset, boolean>()
  readonly #survived = new Set<Offset>()
  readonly #totals: { -readonly [name in keyof SettledTotals]: number }
  #haveTotalsChanged = false
  #known: { readonly end: Offset; readonly bytes: number }
  #isDirty = false

  /** `state`: what is written down. */
  constructor(
    place: { readonly topic: number; readonly partition: number },
    block: StoredBlock,
    { totals, known }: Pick<SettledState, 'totals' | 'known'>,
    write: (change: SettledChange) => boolean,
    nowMs: () => number,
  ) {
    this.#place = { topic: place.topic, partition: place.partition }
    this.#block = block
    this.#totals = { ...totals }
    this.#write = write
    this.#nowMs = nowMs
    this.#known = known ?? { end: 0, bytes: 0 }
  }

  /** Whether there is something to be written down. */
  get isDirty(): boolean {
    return this.#isDirty
  }

  get closing(): Epoch {
    return this.#block.closing
  }

  set closing(epoch: Epoch) {
    this.#block.closing = epoch
  }

  get active(): Epoch {
    return this.#block.active
  }

  set active(epoch: Epoch) {
    this.#block.active = epoch
  }

  get totals(): SettledTotals {
    return this.#totals
  }

  get failures(): number {
    return this.#totals.failures
  }

  countFailure(): void {
    this.#count('failures')
  }

  #count(counter: keyof SettledTotals): void {
    this.#totals[counter]++
    this.#haveTotalsChanged = true
    this.#isDirty = true
  }

  handedOut({ first, offsets }: HandOutRun, count: number): void {
    if (count === 0) return
    this.#isDirty = true
    if (first.deliveryAttempt > 1) this.#touched.set(first.offset, true)
    else for (let at = 0; at < count; at++) this.#isOut(offsets[at] as Offset)
  }

  #isOut(offset: Offset): void {
    if (this.#back.size === 0 || !this.#back.delete(offset)) this.#out.add(offset)
  }

  settled(offset: Offset): void {
    this.#isDirty = true
    this.#settled.add(offset)
    if (this.#touched.size > 0) this.#touched.delete(offset)
    if (this.#survived.size > 0) this.#survived.delete(offset)
  }

  settledAs(counter: Counted, offset: Offset): void {
    this.#count(counter)
    this.settled(offset)
  }

  cameBack(offset: Offset): void {
    this.#isDirty = true
    this.#touched.set(offset, false)
    // Its consumer was there to say so, or its thread died alone.
    this.#survived.delete(offset)
  }

  takenBack(offset: Offset, { handOuts }: QueueAttempt): void {
    this.#isDirty = true
    if (handOuts > 0) this.#touched.set(offset, false)
    else this.#back.add(offset)
  }

  dies(letter: QueueLetter): boolean {
    return this.#write({ ...this.#place, attempts: [dyingAttempt(letter)] })
  }

  /** It goes back to what was known of it, which may be nothing. */
  stays(offset: Offset, attempt: QueueAttempt): void {
    this.#write({ ...this.#place, attempts: [this.#keptAttempt(offset, attempt, false)] })
  }

  /** It is marked as one that was out at the death of a process. */
  survived(offset: Offset): void {
    this.#survived.add(offset)
  }

  /** It is to be written down, whatever is known of it. */
  found(offset: Offset): void {
    this.#isDirty = true
    this.#touched.set(offset, false)
  }

  /** So far the log has come; an opening is not to scan too much of it. */
  appended({ figures: { end } }: QueueCore, bytesSince: number): boolean {
    if (end - this.#known.end < KNOWN_MESSAGES && bytesSince < KNOWN_BYTES) return false
    this.#isDirty = true
    return true
  }

  /** What is to be written down; null: nothing. */
  take(core: QueueCore): SettledChange | null {
    if (!this.#isDirty) return null
    this.#isDirty = false
    const { end, bytes } = core.figures
    this.#known = { end, bytes }
    const { topic, partition } = this.#place
    const change = {
      topic,
      partition,
      out: this.#out.take(),
      back: this.#takeBack(),
      attempts: this.#takeAttempts(core),
      settled: this.#settled.take(),
      totals: this.#haveTotalsChanged ? { ...this.#totals } : null,
      known: this.#known,
    }
    this.#haveTotalsChanged = false
    return change
  }

  #takeBack(): OffsetRanges {
    if (this.#back.size === 0) return NONE
    const back = rangesOf(this.#back)
    this.#back.clear()
    return back
  }

  #takeAttempts(core: QueueCore): readonly SettledAttempt[] {
    if (this.#touched.size === 0) return NONE
    const attempts: SettledAttempt[] = []
    for (const [offset, isOut] of this.#touched) {
      const attempt = this.#attempt(core, offset, isOut)
      if (attempt !== null) attempts.push(attempt)
    }
    this.#touched.clear()
    return attempts.sort((a, b) => a.offset - b.offset)
  }

  #attempt(core: QueueCore, offset: Offset, isOut: boolean): SettledAttempt | null {
    const attempt = core.attemptOf(offset)
    // It was settled since.
    return attempt.handOuts === 0 ? null : this.#keptAttempt(offset, attempt, isOut)
  }

  #keptAttempt(offset: Offset, kept: QueueAttempt, isOut: boolean): SettledAttempt {
    const { handOuts, failures, suspect: isSuspect, dying, dueMs } = kept
    return {
      offset,
      handOuts,
      failures,
      isSuspect,
      hasSurvived: this.#survived.has(offset),
      isOut,
      dying,
      firstFailureMs: Math.round(kept.firstFailureMs),
      lastFailureMs: Math.round(kept.lastFailureMs),
      dueMs: dueMs === null ? 0 : Math.max(1, Math.round(wallMs() + dueMs - this.#nowMs())),
    }
  }
}

function dyingAttempt({ offset, reason, handOuts, failedAttempts, ...times }: QueueLetter): SettledAttempt {
  return {
    offset,
    handOuts,
    failures: failedAttempts,
    isSuspect: false,
    hasSurvived: false,
    isOut: false,
    dying: reason,
    firstFailureMs: Math.round(times.firstFailureMs),
    lastFailureMs: Math.round(times.lastFailureMs),
    dueMs: 0,
  }
}

function rangesOf(offsets: ReadonlySet<Offset>): OffsetRanges {
  const runs = new OffsetRuns()
  for (const offset of [...offsets].sort((a, b) => a - b)) runs.add(offset)
  return runs.take()
}
