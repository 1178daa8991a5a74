/**
 * An intake of records that are a list in memory: all that another source of records has to write (intake.ts).
 *
 * It tries a record three times, and then sets it aside. What its source keeps is what its successor knows.
 */
import { queueMicrotask } from '../../actors/world.ts'
import { type SettleHow, VERDICT } from '../link/link.ts'
import { FRAME_HEADER_BYTES } from '../log/format/frame.ts'
import type { Verdict } from '../thread/turn-taker.ts'
import type { KnownRecord } from '../wire/places.ts'
import { fetchedFrame, keyOf } from './frames.fixture.ts'
import type { Intake, RecordPlace, Standing, Taken } from './intake.ts'

const ATTEMPTS = 3

/** What outlives an intake: the records, and how they stand. */
export class ToySource {
  records = 0
  committed = 0
  readonly known: Map<number, KnownRecord> = new Map()
  readonly asideFor: string[] = []
  readonly asked: string[] = []
  /** Told last: records of pending calls, handled ones, and the only one of pending calls. */
  inHand: readonly number[] = []

  knows(offset: number): KnownRecord {
    const known = this.known.get(offset)
    if (known !== undefined) return known
    return {
      offset,
      failedAttempts: 0,
      deliveryAttempt: 0,
      notBeforeMs: 0,
      settled: false,
      dying: false,
      suspect: false,
    }
  }
}

export class ToyIntake implements Intake {
  readonly cursor = 0
  readonly slot = 0
  readonly suspectTo = -1
  readonly accountMax: number = 64
  readonly epoch: number
  /** Hears what follows for a record that failed; whoever takes records from here sets it. */
  hear: (verdict: Verdict) => void = () => undefined
  readonly #source: ToySource
  #next: number
  #closed = false

  constructor(source: ToySource, epoch: number) {
    this.#source = source
    this.epoch = epoch
    this.#next = source.committed
  }

  get committed(): number {
    return this.#source.committed
  }

  ready(): boolean {
    return !this.#closed && this.#next < this.#source.records
  }

  next(): Taken | null {
    if (!this.ready()) return null
    const known = this.#source.known.get(this.#next)
    return { ...this.taken(this.#place()), known }
  }

  nextPlace(): RecordPlace | null {
    const isKnown = [...this.#source.known.keys()].some(offset => offset >= this.#next)
    return this.ready() && !isKnown ? this.#place() : null
  }

  #place(): RecordPlace {
    const offset = this.#next++
    return { offset, frame: fetchedFrame(offset), at: FRAME_HEADER_BYTES }
  }

  taken({ offset, frame, at }: RecordPlace): Taken {
    return { offset, key: keyOf(offset), frame, at, known: undefined, kept: null }
  }

  stands(offset: number, deliveryAttempt: number, how: Standing): void {
    if (offset >= this.committed + this.accountMax) return
    this.#source.known.set(offset, { ...this.#source.knows(offset), deliveryAttempt, settled: how === 'settled' })
  }

  judge(offset: number, how: SettleHow, deliveryAttempt: number): void {
    if (this.#closed) return
    const source = this.#source
    source.asked.push(`${offset} ${how} ${deliveryAttempt}`)
    const failedAttempts = source.knows(offset).failedAttempts + 1
    const isOver = how === 'rejected' || failedAttempts >= ATTEMPTS
    source.known.set(offset, { ...source.knows(offset), failedAttempts, deliveryAttempt, settled: isOver })
    if (isOver) source.asideFor.push(`${offset} ${how}`)
    const action = isOver ? VERDICT.skip : VERDICT.retry
    queueMicrotask(() => this.hear({ epoch: this.epoch, offset, action, failedAttempts, delayMs: 0 }))
  }

  commit(offset: number): void {
    this.#source.committed = Math.max(this.committed, offset)
  }

  /** Nobody is charged with the end of its thread. */
  inHand(pending: number, handled: number, alone: number): void {
    this.#source.inHand = [pending, handled, alone]
  }

  close(): void {
    this.#closed = true
  }
}
